//! `Server`: a mail server in memory.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

/// A mail server in memory. Each connection is a task.
///
/// It sends the number of its messages, and then each message as a line.
#[derive(Clone)]
pub struct Server {
    messages: u64,
    delay: Duration,
    is_paused: Arc<watch::Sender<bool>>,
}

impl Server {
    /// Makes a server with a number of messages, which sends each one after a delay.
    pub fn new(messages: u64, delay: Duration) -> Server {
        Server { messages, delay, is_paused: Arc::default() }
    }

    /// Pauses the server, or lets it continue. While it is paused, it sends no message and keeps
    /// its connections.
    pub fn set_paused(&self, is_paused: bool) {
        self.is_paused.send_replace(is_paused);
    }

    /// Connects to the server.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub(crate) fn connect(&self) -> DuplexStream {
        let (client, stream) = duplex(1024);
        let server = self.clone();
        // The task ends, perhaps with an error, when the client closes the connection.
        tokio::spawn(async move { server.serve(stream).await });
        client
    }

    async fn serve(&self, mut stream: DuplexStream) -> io::Result<()> {
        let mut is_paused = self.is_paused.subscribe();
        stream.write_u64(self.messages).await?;
        for n in 1..=self.messages {
            tokio::time::sleep(self.delay).await;
            tokio::select! {
                _ = is_paused.wait_for(|is_paused| !is_paused) => {}
                _closed = stream.read_u8() => return Ok(()), // clients send nothing
            }
            stream.write_all(format!("Message {n}\n").as_bytes()).await?;
        }
        Ok(())
    }
}
