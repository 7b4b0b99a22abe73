/** The heads of posts of real clients, as they came over a connection without TLS. Only the lengths and keys are changed. */

/** The line ends and the empty line at the end are added. */
function head(lines: string): Buffer {
  return Buffer.from(`${lines.trim().replaceAll(/\n\s*/g, '\r\n')}\r\n\r\n`, 'latin1');
}

/** Those that the proxy reads without Node's parser. */
export const SIMPLE_CLIENTS: Readonly<Record<string, Buffer>> = {
  'openlineage-java 1.55, with Apache HttpClient 5.6.5': head(`
    POST /api/v1/lineage HTTP/1.1
    Accept: application/json; charset=UTF-8
    Content-Type: application/json; charset=UTF-8
    Accept-Encoding: gzip, deflate, lz4-framed, lz4-block, bzip2, pack200, deflate64, x-gzip
    Host: 127.0.0.1:8080
    Content-Length: 264
    Connection: keep-alive
    User-Agent: Apache-HttpClient/5.6.5 (Java/17.0.15)`),
  'openlineage-java 1.55 with an API key': head(`
    POST /api/v1/lineage HTTP/1.1
    Accept: application/json; charset=UTF-8
    Content-Type: application/json; charset=UTF-8
    Authorization: Bearer secret
    Accept-Encoding: gzip, deflate, lz4-framed, lz4-block, bzip2, pack200, deflate64, x-gzip
    Host: 127.0.0.1:8080
    Content-Length: 264
    Connection: keep-alive
    User-Agent: Apache-HttpClient/5.6.5 (Java/17.0.15)`),
  'Apache HttpClient 5.5': head(`
    POST /api/v1/lineage HTTP/1.1
    Accept-Encoding: gzip, x-gzip, deflate
    Host: 127.0.0.1:8080
    Content-Length: 264
    Content-Type: application/json; charset=UTF-8
    Connection: keep-alive
    User-Agent: Apache-HttpClient/5.5 (Java/17.0.15)`),
  'openlineage-python, with requests': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    User-Agent: python-requests/2.34.2
    Accept-Encoding: gzip, deflate
    Accept: */*
    Connection: keep-alive
    Content-Type: application/json
    Content-Length: 615`),
  'openlineage-python with an API key and gzip': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    User-Agent: python-requests/2.34.2
    Accept-Encoding: gzip, deflate
    Accept: */*
    Connection: keep-alive
    Content-Type: application/json
    Authorization: Bearer secret
    Content-Encoding: gzip
    Content-Length: 364`),
  'openlineage-python asynchronously, with httpx2': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    Accept: */*
    Accept-Encoding: gzip, deflate
    Connection: keep-alive
    User-Agent: python-httpx2/2.16.2
    Content-Type: application/json
    Content-Length: 615`),
  'httpx 0.28': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    Accept: */*
    Accept-Encoding: gzip, deflate
    Connection: keep-alive
    User-Agent: python-httpx/0.28.1
    Content-Length: 7
    Content-Type: application/json`),
  'aiohttp 3.14': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    Accept: */*
    Accept-Encoding: gzip, deflate
    User-Agent: Python/3.12 aiohttp/3.14.5
    Content-Length: 8
    Content-Type: application/json`),
  Go: head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    User-Agent: Go-http-client/1.1
    Content-Length: 2
    Content-Type: application/json
    Accept-Encoding: gzip`),
  "Java's HttpClient with HTTP/1.1": head(`
    POST /api/v1/lineage HTTP/1.1
    Content-Length: 2
    Host: 127.0.0.1:8080
    User-Agent: Java-http-client/17.0.15
    Content-Type: application/json`),
  "Java's HttpURLConnection": head(`
    POST /api/v1/lineage HTTP/1.1
    Content-Type: application/json
    User-Agent: Java/17.0.15
    Host: 127.0.0.1:8080
    Accept: text/html, image/gif, image/jpeg, */*; q=0.2
    Connection: keep-alive
    Content-Length: 2`),
  curl: head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    User-Agent: curl/7.88.1
    Accept: */*
    Content-Type: application/json
    Content-Length: 7`),
  'curl with a password': head(`
    POST /api/v1/lineage HTTP/1.1
    Host: 127.0.0.1:8080
    Authorization: Basic dTpw
    User-Agent: curl/7.88.1
    Content-Type: application/json
    Accept: application/json
    Content-Length: 7`),
  wrk: head(`
    POST /api/v1/lineage HTTP/1.1
    Content-Type: application/json
    Host: 127.0.0.1:8080
    Content-Length: 2`),
  "Node's fetch": head(`
    POST /api/v1/lineage HTTP/1.1
    host: 127.0.0.1:8080
    connection: keep-alive
    content-type: application/json
    accept: */*
    accept-language: *
    sec-fetch-mode: cors
    user-agent: node
    accept-encoding: gzip, deflate
    content-length: 2`),
  "Node's http": head(`
    POST /api/v1/lineage HTTP/1.1
    content-type: application/json
    content-length: 2
    Host: 127.0.0.1:8080
    Connection: keep-alive`),
};

/** Those that Node's parser gets, and for which header. */
export const OTHER_CLIENTS: Readonly<Record<string, Buffer>> = {
  'openlineage-java with gzip sends chunks': head(`
    POST /api/v1/lineage HTTP/1.1
    Accept: application/json; charset=UTF-8
    Content-Type: application/json; charset=UTF-8
    Authorization: Bearer secret
    Content-Encoding: gzip
    Accept-Encoding: gzip, deflate, lz4-framed, lz4-block, bzip2, pack200, deflate64, x-gzip
    Host: 127.0.0.1:8080
    Transfer-Encoding: chunked
    Connection: keep-alive
    User-Agent: Apache-HttpClient/5.6.5 (Java/17.0.15)`),
  "Java's HttpClient by default asks for HTTP/2": head(`
    POST /api/v1/lineage HTTP/1.1
    Connection: Upgrade, HTTP2-Settings
    Content-Length: 2
    Host: 127.0.0.1:8080
    HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA
    Upgrade: h2c
    User-Agent: Java-http-client/17.0.15
    Content-Type: application/json`),
  "Python's urllib closes the connection": head(`
    POST /api/v1/lineage HTTP/1.1
    Accept-Encoding: identity
    Content-Length: 2
    Host: 127.0.0.1:8080
    User-Agent: Python-urllib/3.12
    Content-Type: application/json
    Connection: close`),
};
