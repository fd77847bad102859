//! A client that knows nothing but the wire: tests look past the product with it.

mod reply;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub use self::reply::Reply;

/// How long a server may take to answer before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One blocking connection that speaks RESP2.
///
/// ```no_run
/// use redstart_testkit::{Reply, shared};
///
/// let mut raw = shared().raw();
/// assert_eq!(raw.command(&["PING"]), Reply::Text("PONG".into()));
/// ```
///
/// It blocks its thread, so it talks to the server itself, never to a [`Proxy`](crate::Proxy) that runs on
/// the same single-threaded runtime.
#[derive(Debug)]
pub struct Raw {
    stream: BufReader<TcpStream>,
}

impl Raw {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Fails when nothing listens there.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and reads its reply; an error of the server is a [`Reply::Error`].
    ///
    /// # Errors
    ///
    /// Fails when the connection is gone, or when ten seconds pass without a reply.
    pub fn try_command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments.iter().map(AsRef::as_ref) {
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request)?;
        self.reply()
    }

    /// Sends a command that must succeed.
    ///
    /// # Panics
    ///
    /// Panics when the server refuses it, or doesn't answer within ten seconds.
    pub fn command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Reply {
        let name = arguments.first().map(|name| String::from_utf8_lossy(name.as_ref())).unwrap_or_default();
        match self.try_command(arguments) {
            Ok(Reply::Error(message)) => panic!("{name}: the server refused: {message}"),
            Ok(reply) => reply,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// All keys of a prefix, in order.
    ///
    /// This and the other functions on a prefix look at every key that the server has, in one step; in a
    /// cluster they see those of one node. They panic where [`command`](Self::command) does.
    pub fn keys(&mut self, prefix: &str) -> Vec<String> {
        let mut keys = self.over_keys(prefix, "out[#out + 1] = key");
        keys.sort();
        keys
    }

    /// The keys of a prefix that would stay for ever.
    pub fn keys_without_ttl(&mut self, prefix: &str) -> Vec<String> {
        self.over_keys(prefix, "if redis.call('PTTL', key) == -1 then out[#out + 1] = key end")
    }

    /// The keys of a prefix that stay for longer than `time`, in order.
    pub fn keys_outliving(&mut self, prefix: &str, time: Duration) -> Vec<String> {
        let body = format!(
            "local left = redis.call('PTTL', key)
             if left == -1 or left > {} then out[#out + 1] = key end",
            time.as_millis()
        );
        let mut keys = self.over_keys(prefix, &body);
        keys.sort();
        keys
    }

    /// Moves the server's time for a prefix: every TTL shrinks by `by`, and what has run out is deleted.
    /// What consumers of a stream have, they have had for longer by as much.
    ///
    /// Returns the number of keys that ended.
    pub fn shift_ttls(&mut self, prefix: &str, by: Duration) -> usize {
        let milliseconds = by.as_millis();
        self.over_keys(
            prefix,
            &format!(
                "local left = redis.call('PTTL', key)
                 if left >= 0 and left <= {milliseconds} then redis.call('DEL', key) out[#out + 1] = key
                 elseif left >= 0 then redis.call('PEXPIRE', key, left - {milliseconds}) end
                 if redis.call('TYPE', key).ok == 'stream' then
                   for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
                     for _, out in ipairs(redis.call('XPENDING', key, group[2], '-', '+', 1000000)) do
                       redis.call('XCLAIM', key, group[2], out[2], 0, out[1], 'IDLE', out[3] + {milliseconds}, 'JUSTID')
                     end
                   end
                 end"
            ),
        )
        .len()
    }

    /// Deletes all keys of a prefix.
    pub fn delete_keys(&mut self, prefix: &str) -> usize {
        self.over_keys(prefix, "redis.call('DEL', key) out[#out + 1] = key").len()
    }

    /// Runs a Lua body for each key of a prefix, all in one step of the server.
    fn over_keys(&mut self, prefix: &str, body: &str) -> Vec<String> {
        // A companion of a plain key starts with a brace: `{prefix:cache:user:42}:g`.
        let script = format!(
            "local out = {{}}
             for _, pattern in ipairs(ARGV) do
               for _, key in ipairs(redis.call('KEYS', pattern)) do {body} end
             end
             return out"
        );
        let prefix = prefix.replace(['\\', '*', '?', '[', ']'], "?");
        let patterns = [format!("{prefix}:*"), format!("{{{prefix}:*")];
        let keys = self.command(&["EVAL", &script, "0", &patterns[0], &patterns[1]]).array();
        keys.into_iter().map(Reply::text).collect()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| malformed(line))?;
        match kind {
            "+" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            ":" => rest.parse().map(Reply::Int).map_err(|_| malformed(line)),
            "$" if rest == "-1" => Ok(Reply::Nil),
            "*" if rest == "-1" => Ok(Reply::Nil),
            "$" => {
                let length: usize = rest.parse().map_err(|_| malformed(line))?;
                let mut bytes = vec![0; length + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(Reply::Bytes(bytes))
            }
            "*" => {
                let length: usize = rest.parse().map_err(|_| malformed(line))?;
                (0..length).map(|_| self.reply()).collect::<io::Result<_>>().map(Reply::Array)
            }
            _ => Err(malformed(line)),
        }
    }
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no RESP2 reply: {line:?}"))
}
