// A chat on `socket.io`, as its page "Performance tuning" says: bufferutil installed, the handshake's request dropped; WebSocket
// only, so no permessage-deflate and no polling. One argument: the port.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });

io.engine.on('connection', (raw) => {
  raw.request = null;
});

io.on('connection', (socket) => {
  socket.on('join', (room, joined) => {
    socket.join(room);
    socket.data.room = room;
    joined();
  });
  socket.on('message', (text) => io.to(socket.data.room).emit('message', text));
});

http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
