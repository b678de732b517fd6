//! Posts to the collector over a kept connection, as an install's module would. Plain blocking HTTP.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer takes at most a group commit; beyond this something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the collector said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it asks to be left alone for a while.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// One request line and what goes with it.
pub(super) struct Post<'a> {
    pub(super) target: &'a str,
    /// Value of `Authorization`.
    pub(super) bearer: Option<&'a str>,
    pub(super) body: &'a [u8],
}

pub(super) struct Sender {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Sender {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends one request; a kept connection that the server has closed meanwhile is made anew once.
    pub(super) fn post(&mut self, post: &Post<'_>) -> io::Result<Answer> {
        if let Some(mut kept) = self.connection.take()
            && let Ok(answer) = exchange(&mut kept, post)
        {
            self.connection = Some(kept);
            return Ok(answer);
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut fresh = BufReader::new(stream);
        let answer = exchange(&mut fresh, post)?;
        self.connection = Some(fresh);
        Ok(answer)
    }
}

fn exchange(connection: &mut BufReader<TcpStream>, post: &Post<'_>) -> io::Result<Answer> {
    let mut request = format!("POST {} HTTP/1.1\r\nHost: headcount\r\n", post.target);
    if let Some(bearer) = post.bearer {
        request.push_str(&format!("Authorization: Bearer {bearer}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", post.body.len()));
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(post.body);
    connection.get_mut().write_all(&bytes)?;

    let start = line(connection)?;
    let status = start.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut answer = Answer {
        status: status.ok_or_else(|| io::Error::other("the answer is no HTTP"))?,
        retry_after: None,
        body: Vec::new(),
    };
    loop {
        let header = line(connection)?.to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(length) = header.strip_prefix("content-length: ") {
            answer
                .body
                .resize(length.parse().map_err(io::Error::other)?, 0);
        } else if let Some(seconds) = header.strip_prefix("retry-after: ") {
            answer.retry_after = seconds.parse().ok().map(Duration::from_secs);
        }
    }
    connection.read_exact(&mut answer.body)?;
    Ok(answer)
}

fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
