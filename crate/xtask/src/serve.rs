//! A web server for one file, on loopback only.
//!
//! ```text
//! GET / HTTP/1.1          200, the page
//! GET /runlens.html       200, the page
//! GET /anything-else      404
//! POST /                  405
//! ```
//!
//! The bytes are held in memory: what is served is what was built and whose hash was printed. Every limit has a
//! name; a request that oversteps one is answered and closed.
//!
//! Rejected: a server library. It would be the largest dependency of the project, to send one file.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Connections at one time; more are closed at once.
const CONNECTIONS: usize = 32;
/// Patience with a peer that sends or takes nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tried after the default port where no port was asked for.
const PORTS_TRIED: u16 = 50;
/// The port where none is asked for.
pub const DEFAULT_PORT: u16 = 8420;

/// Takes exactly this port of loopback; port 0 takes any.
pub fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Takes the first free port at or after this one.
pub fn bind_from(port: u16) -> io::Result<TcpListener> {
    let mut first = None;
    for port in (port..=u16::MAX).take(usize::from(PORTS_TRIED)) {
        match bind(port) {
            Ok(listener) => return Ok(listener),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// Serves the page until the process ends.
pub fn forever(listener: &TcpListener, page: Vec<u8>) {
    let page = Arc::new(page);
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let slot = Slot(Arc::clone(&open));
        let page = Arc::clone(&page);
        thread::spawn(move || {
            let _slot = slot;
            // A peer that goes away in the middle is nobody's problem.
            let _ = answer(stream, &page);
        });
    }
}

/// One connection's place; given back when the connection ends, however it ends.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, page: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let reply = match read_head(&mut stream)? {
        Some(head) => reply(&head),
        None => Reply {
            status: "431 Request Header Fields Too Large",
            page: false,
            body: false,
        },
    };
    let body: &[u8] = match reply {
        Reply { page: true, .. } => page,
        Reply { status, .. } => status.as_bytes(),
    };
    let kind = if reply.page {
        "text/html; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    };
    // What a policy in the file cannot say: that nobody may frame it, and that it is stored nowhere.
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: frame-ancestors 'none'\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n",
        reply.status,
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if reply.body {
        stream.write_all(body)?;
    }
    stream.flush()
}

/// A request's head, up to its empty line; `None` where it is too long.
fn read_head(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(piece.get(..read).unwrap_or(&[]));
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Some(head));
        }
        if head.len() > HEAD_BYTES {
            return Ok(None);
        }
    }
}

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    status: &'static str,
    /// The page, not the status as text.
    page: bool,
    /// The body too, not only the head.
    body: bool,
}

fn reply(head: &[u8]) -> Reply {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(&[]);
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words.as_slice() else {
        return Reply {
            status: "400 Bad Request",
            page: false,
            body: true,
        };
    };
    if !version.starts_with(b"HTTP/1.") {
        return Reply {
            status: "400 Bad Request",
            page: false,
            body: true,
        };
    }
    let body = *method != b"HEAD";
    if !matches!(*method, b"GET" | b"HEAD") {
        return Reply {
            status: "405 Method Not Allowed",
            page: false,
            body,
        };
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or(&[]);
    match path {
        b"/" | b"/runlens.html" => Reply {
            status: "200 OK",
            page: true,
            body,
        },
        _ => Reply {
            status: "404 Not Found",
            page: false,
            body,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_and_nothing_else() {
        let ok = Reply {
            status: "200 OK",
            page: true,
            body: true,
        };
        assert_eq!(reply(b"GET / HTTP/1.1\r\n"), ok);
        assert_eq!(reply(b"GET /runlens.html?x HTTP/1.1\r\n"), ok);
        assert_eq!(reply(b"HEAD / HTTP/1.0\r\n"), Reply { body: false, ..ok });
        for target in [
            "/../Cargo.toml",
            "/favicon.ico",
            "//",
            "/runlens.html/",
            "http://127.0.0.1/",
        ] {
            assert_eq!(
                reply(format!("GET {target} HTTP/1.1\r\n").as_bytes()).status,
                "404 Not Found",
                "{target}"
            );
        }
        assert_eq!(
            reply(b"POST / HTTP/1.1\r\n").status,
            "405 Method Not Allowed"
        );
        for line in ["", "GET /", "GET / SPDY", "GET  / HTTP/1.1", "\u{0}"] {
            assert_eq!(reply(line.as_bytes()).status, "400 Bad Request", "{line:?}");
        }
    }

    #[test]
    fn heads_are_bounded_and_may_come_in_pieces() {
        struct Pieces(Vec<&'static [u8]>);
        impl Read for Pieces {
            fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
                let Some(piece) = self.0.pop() else {
                    return Ok(0);
                };
                to[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        let head = read_head(&mut Pieces(vec![b"\n", b" HTTP/1.1\r\n\r", b"GET /"]))
            .unwrap()
            .unwrap();
        assert_eq!(head, b"GET / HTTP/1.1\r\n\r\n");
        assert!(read_head(&mut io::repeat(b'x')).unwrap().is_none());
        assert!(read_head(&mut Pieces(vec![b"GET"])).is_err());
    }

    #[test]
    fn a_page_comes_over_a_real_connection() {
        let listener = bind(0).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(address.ip().is_loopback());
        thread::spawn(move || forever(&listener, b"<!doctype html>".to_vec()));
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 15\r\n"), "{text}");
        assert!(
            text.contains("\r\nCache-Control: no-store\r\n")
                && text.ends_with("\r\n\r\n<!doctype html>"),
            "{text}"
        );
    }

    #[test]
    fn a_taken_port_is_an_error_and_the_next_free_one_is_found() {
        let taken = bind(0).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let next = bind_from(port).unwrap();
        assert!(next.local_addr().unwrap().port() > port);
    }
}
