//! A TCP proxy between a pool and its server that counts round trips and can cut a connection at a chosen moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// When the proxy cuts a connection.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// When the client sends this text: the server never sees it.
    BeforeServerSees(Vec<u8>),
    /// When the server answers what the client sent with this text in it: the client never sees the answer.
    BeforeClientHears(Vec<u8>),
}

/// A TCP proxy to a server.
#[derive(Debug)]
pub struct Proxy {
    /// Where the proxy listens, on loopback.
    pub address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Times the client spoke after the server had.
    round_trips: AtomicU64,
    /// What clients sent, as it was read.
    sent: Mutex<Vec<Vec<u8>>>,
    trigger: Mutex<Option<Trigger>>,
    /// What is written in the place of what, on the way to the server.
    rewrite: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    /// Whether the rows of each answer are handed on in reverse.
    reverses_rows: AtomicBool,
}

impl Proxy {
    /// A proxy to the server at this address.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    tokio::spawn(relay(client, server, Arc::clone(&shared)));
                }
            }
        });
        Self { address, state, accepting }
    }

    /// How often a client has waited for the server's answer so far.
    pub fn round_trips(&self) -> u64 {
        self.state.round_trips.load(Ordering::SeqCst)
    }

    /// What clients have sent since this was last asked.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.state.sent.lock().expect("no panic holds it"))
    }

    /// Replaces a text by another one of the same length in everything that is sent to the server.
    pub fn rewrite(&self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len(), "the length of a message stands at its head");
        *self.state.rewrite.lock().expect("no panic holds it") = Some((from.into(), to.into()));
    }

    /// From now on the rows of PostgreSQL's answers come in reverse. To be called while no answer is on its way.
    pub fn reverse_rows(&self) {
        self.state.reverses_rows.store(true, Ordering::SeqCst);
    }

    /// Cuts the next connection for which this happens, once.
    pub fn cut(&self, trigger: Trigger) {
        *self.state.trigger.lock().expect("no panic holds it") = Some(trigger);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How long a server has to be silent to have answered all it was asked.
const ANSWERED: Duration = Duration::from_millis(10);

/// Carries bytes both ways until one side closes, or the trigger fires.
async fn relay(mut client: TcpStream, mut server: TcpStream, state: Arc<State>) {
    let (mut from_client, mut from_server) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut client_spoke_last, mut cut_at_answer) = (false, false);
    let mut reverser = Reverser::default();
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                rewrite(&state, &mut from_client[..length]);
                let bytes = &from_client[..length];
                if !client_spoke_last {
                    state.round_trips.fetch_add(1, Ordering::SeqCst);
                }
                client_spoke_last = true;
                state.sent.lock().expect("no panic holds it").push(bytes.to_vec());
                match fired(&state, bytes) {
                    Some(Trigger::BeforeServerSees(_)) => return,
                    Some(Trigger::BeforeClientHears(_)) => cut_at_answer = true,
                    None => {}
                }
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                client_spoke_last = false;
                if cut_at_answer {
                    // An answer may come in parts, and the server be at work on the next one: let it finish.
                    drop(client);
                    while let Ok(Ok(1..)) = timeout(ANSWERED, server.read(&mut from_server)).await {}
                    return;
                }
                let answer = &from_server[..length];
                let handed_on = if state.reverses_rows.load(Ordering::SeqCst) {
                    client.write_all(&reverser.reverse(answer)).await
                } else {
                    client.write_all(answer).await
                };
                if handed_on.is_err() { return }
            }
        }
    }
}

/// Turns rows that follow each other around, in what PostgreSQL's server says.
#[derive(Debug, Default)]
struct Reverser {
    /// A message that has not come to its end.
    rest: Vec<u8>,
    rows: Vec<Vec<u8>>,
}

impl Reverser {
    fn reverse(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let mut answer = Vec::new();
        // A message is its kind, its length but for that, and its body.
        while let [kind, a, b, c, d, ..] = *self.rest {
            let length = 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            if self.rest.len() < length {
                break;
            }
            let message: Vec<u8> = self.rest.drain(..length).collect();
            if kind == b'D' {
                self.rows.push(message);
            } else {
                self.rows.drain(..).rev().for_each(|row| answer.extend(row));
                answer.extend(message);
            }
        }
        answer
    }
}

/// The trigger, used up, if these bytes of the client's pull it.
fn fired(state: &State, bytes: &[u8]) -> Option<Trigger> {
    let mut trigger = state.trigger.lock().expect("no panic holds it");
    let (Trigger::BeforeServerSees(text) | Trigger::BeforeClientHears(text)) = trigger.as_ref()?;
    let found = bytes.windows(text.len()).any(|window| window == text);
    if found { trigger.take() } else { None }
}

fn rewrite(state: &State, bytes: &mut [u8]) {
    let rewrite = state.rewrite.lock().expect("no panic holds it");
    let Some((from, to)) = &*rewrite else { return };
    for at in 0..=bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
}
