//! Reads HTTP/1.1 requests from a socket, bodies by length or in chunks. Knows nothing of answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One request as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In the order sent, names as sent.
    pub headers: Vec<(String, String)>,
    /// Without chunk framing, still compressed where the sender compressed it.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn closes(&self) -> bool {
        self.header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

pub(super) struct Reader(BufReader<TcpStream>);

impl Reader {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Small, so that a reset finds unread bytes in the kernel's buffer.
        Self(BufReader::with_capacity(512, stream))
    }

    /// Waits for the next request's first byte; `false` at the end of the connection.
    pub(super) fn wait(&mut self) -> io::Result<bool> {
        if !self.0.buffer().is_empty() {
            return Ok(true);
        }
        let mut first = [0];
        Ok(self.0.get_ref().peek(&mut first)? > 0)
    }

    pub(super) fn read(&mut self) -> io::Result<Request> {
        let start = self.line()?;
        let mut words = start.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default().to_owned();
        let mut request = Request {
            method,
            target,
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            request
                .headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
        if request.header("expect").is_some() {
            let mut stream = self.0.get_ref();
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = self.body(&request)?;
        Ok(request)
    }

    fn body(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if request.header("transfer-encoding").is_some() {
            loop {
                let line = self.line()?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                let length = u64::from_str_radix(digits, 16).map_err(invalid)?;
                self.0.by_ref().take(length).read_to_end(&mut body)?;
                let end = self.line()?;
                if length == 0 && end.is_empty() {
                    return Ok(body);
                }
            }
        }
        let length = match request.header("content-length") {
            Some(text) => text.parse().map_err(invalid)?,
            None => 0,
        };
        if self.0.by_ref().take(length).read_to_end(&mut body)?
            < usize::try_from(length).map_err(invalid)?
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
