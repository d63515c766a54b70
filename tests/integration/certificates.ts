/* An authority of the test's own and certificates by it, made by the `openssl` command. This process trusts it from then on. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { promisify } from "node:util";

const run = promisify(execFile);

export class Authority {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), "parley-ca-")));
    await authority.#request("authority", ["-addext", "basicConstraints=critical,CA:TRUE"]);
    setDefaultCACertificates([...getCACertificates("default"), await readFile(authority.file, "utf8")]);
    return authority;
  }

  /** Its own certificate. */
  get file(): string {
    return join(this.folder, "authority.pem");
  }

  certificate(name: string): string {
    return join(this.folder, `${name}.pem`);
  }

  key(name: string): string {
    return join(this.folder, `${name}-private.pem`);
  }

  /** A certificate with this common name for localhost and 127.0.0.1, as NAME.pem and NAME-private.pem. */
  issue(name: string): Promise<void> {
    return this.#request(name, ["-CA", this.file, "-CAkey", this.key("authority"), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"]);
  }

  /** What makes a server speak TLS with the certificate. */
  settings(name: string): string[] {
    return [`--tls.certificate=${this.certificate(name)}`, `--tls.key=${this.key(name)}`];
  }

  async end(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #request(name: string, extra: string[]): Promise<void> {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", this.key(name)];
    await run("openssl", ["req", "-x509", "-days", "3", "-subj", `/CN=${name}`, ...key, "-out", this.certificate(name), ...extra]);
  }
}
