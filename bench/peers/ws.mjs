// A chat on `ws`, as its README says for production: no permessage-deflate, bufferutil beside it. One argument: the port.
import { WebSocket, WebSocketServer } from 'ws';

const rooms = new Map();

function join(socket, name) {
  const members = rooms.get(name) ?? new Set();
  rooms.set(name, members.add(socket));
  socket.on('close', () => members.delete(socket));
  socket.send(JSON.stringify({ type: 'joined', room: name }));
  return members;
}

function broadcast(members, text) {
  const frame = JSON.stringify({ type: 'message', text });
  for (const member of members) {
    if (member.readyState === WebSocket.OPEN) member.send(frame);
  }
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
  clientTracking: false,
});

server.on('connection', (socket) => {
  let members = null;
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.type === 'join') members = join(socket, message.room);
    else if (message.type === 'message' && members !== null) broadcast(members, message.text);
  });
});
