//! A server of raw bytes: it does to each connection what a script says, and keeps what it was sent.
//!
//! Nothing here is HTTP but the little that a script needs to know when a request is whole. A
//! connection ends when its script returns; what was not read then resets it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What bytes go through.
trait Wire: Read + Write + Send {}

impl<W: Read + Write + Send> Wire for W {}

pub(crate) struct Server {
    port: u16,
    got: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    /// Serves each connection by `script`, in a thread of its own.
    pub(crate) fn start(script: impl Fn(&mut Talk) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (all, script) = (Arc::clone(&got), Arc::new(script));
        std::thread::spawn(move || {
            for (number, stream) in (1..).zip(listener.incoming()) {
                let Ok(stream) = stream else { return };
                let (script, all) = (Arc::clone(&script), Arc::clone(&all));
                lock(&all).push(Vec::new());
                let mut talk = Talk::new(stream, number, all);
                std::thread::spawn(move || script(&mut talk));
            }
        });
        Self { port, got }
    }

    /// The same behind TLS.
    pub(crate) fn start_tls(
        tls: Arc<ServerConfig>,
        script: impl Fn(&mut Talk) + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |talk| {
            talk.secure(&tls);
            script(talk);
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.got).len()
    }

    /// The lines with which requests began, as far as they were read.
    pub(crate) fn request_lines(&self) -> Vec<String> {
        let got = lock(&self.got);
        let texts = got.iter().map(|bytes| String::from_utf8_lossy(bytes));
        texts
            .flat_map(|text| {
                let lines = text.split("\r\n").map(ToOwned::to_owned);
                lines.collect::<Vec<_>>()
            })
            .filter(|line| line.ends_with(" HTTP/1.1"))
            .collect()
    }

    /// How many requests to create were read.
    pub(crate) fn posts(&self) -> usize {
        let lines = self.request_lines();
        lines.iter().filter(|line| is_create(line)).count()
    }

    /// All bytes that were read, of all connections.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        lock(&self.got).concat()
    }
}

/// Whether a request line is that of a request to create.
pub(crate) fn is_create(line: &str) -> bool {
    line.starts_with("POST /data/foundation/flowservice/runs ")
}

fn lock(got: &Mutex<Vec<Vec<u8>>>) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
    got.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the request is with which `bytes` begin, once its head is there.
fn length_of_request(bytes: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    let head = bytes.windows(end.len()).position(|found| found == end)?;
    let text = String::from_utf8_lossy(&bytes[..head]);
    let body: usize = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().expect("a length"));
    Some(head + end.len() + body)
}

/// One connection, seen by its script.
pub(crate) struct Talk {
    wire: Box<dyn Wire>,
    /// The how-manieth connection it is, from 1.
    pub(crate) number: usize,
    /// How much of what came was given out as requests.
    taken: usize,
    got: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Talk {
    fn new(stream: TcpStream, number: usize, got: Arc<Mutex<Vec<Vec<u8>>>>) -> Self {
        Self {
            wire: Box::new(stream),
            number,
            taken: 0,
            got,
        }
    }

    /// Goes on under TLS; the handshake comes with the next read or write.
    pub(crate) fn secure(&mut self, tls: &Arc<ServerConfig>) {
        let connection = ServerConnection::new(Arc::clone(tls)).expect("a fitting config");
        let plain = std::mem::replace(&mut self.wire, Box::new(std::io::empty()));
        self.wire = Box::new(StreamOwned::new(connection, plain));
    }

    /// Reads up to `most` bytes; whether there were any.
    pub(crate) fn read(&mut self, most: usize) -> bool {
        let mut buffer = vec![0; most];
        loop {
            match self.wire.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return false,
                Ok(read) => {
                    lock(&self.got)[self.number - 1].extend_from_slice(&buffer[..read]);
                    return true;
                }
            }
        }
    }

    /// Waits for the next whole request; `None` where the other side leaves before.
    pub(crate) fn request(&mut self) -> Option<String> {
        loop {
            let whole = {
                let got = lock(&self.got);
                let bytes = &got[self.number - 1][self.taken..];
                length_of_request(bytes)
                    .filter(|length| bytes.len() >= *length)
                    .map(|length| bytes[..length].to_vec())
            };
            if let Some(request) = whole {
                self.taken += request.len();
                return Some(String::from_utf8_lossy(&request).into_owned());
            }
            if !self.read(1 << 14) {
                return None;
            }
        }
    }

    /// Says `bytes`; whether there was anybody to hear.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.write_all(bytes.as_ref()).is_ok() && self.wire.flush().is_ok()
    }

    /// Says a whole answer, after which the connection can go on.
    pub(crate) fn answer(&mut self, status: u16, body: impl AsRef<[u8]>) -> bool {
        let body = body.as_ref();
        self.say(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )) && self.say(body)
    }

    /// Waits until the other side leaves.
    pub(crate) fn wait_for_end(&mut self) {
        while self.read(1 << 14) {}
    }
}
