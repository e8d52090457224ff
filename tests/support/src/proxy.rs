//! A TCP proxy between a pool and its server that counts round trips, and at a chosen moment cuts a connection or swallows all
//! that it carries.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// When the proxy cuts a connection, or falls silent on it.
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
    trigger: Mutex<Option<(Trigger, Fault)>>,
    /// Connections up to this number carry nothing any more.
    silent_up_to: AtomicU64,
    connections: AtomicU64,
    /// What is written in the place of what, on the way to the server.
    rewrite: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    /// Whether the rows of each answer are handed on in reverse.
    reverses_rows: AtomicBool,
}

/// What happens to a connection.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is closed.
    Cut,
    /// Nothing comes through any more, the end of the connection included: as behind a pulled cable, or a NAT that forgot it.
    Silence,
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
        *self.state.trigger.lock().expect("no panic holds it") = Some((trigger, Fault::Cut));
    }

    /// Falls silent on the next connection for which this happens, once. Others are carried on.
    pub fn swallow(&self, trigger: Trigger) {
        *self.state.trigger.lock().expect("no panic holds it") = Some((trigger, Fault::Silence));
    }

    /// From now on nothing comes through on the connections that there are. New ones are carried.
    pub fn silence(&self) {
        self.state.silent_up_to.store(self.state.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// From now on nothing comes through at all: connections are accepted, and nobody answers.
    pub fn silence_all(&self) {
        self.state.silent_up_to.store(u64::MAX, Ordering::SeqCst);
    }

    /// New connections are carried again. Those that fell silent stay so.
    pub fn speak(&self) {
        self.silence();
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
    let (mut client_spoke_last, mut at_answer) = (false, None);
    let mut reverser = Reverser::default();
    let number = state.connections.fetch_add(1, Ordering::SeqCst) + 1;
    let is_silent = || state.silent_up_to.load(Ordering::SeqCst) >= number;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                if is_silent() { return pending().await }
                let Ok(length @ 1..) = read else { return };
                rewrite(&state, &mut from_client[..length]);
                let bytes = &from_client[..length];
                if !client_spoke_last {
                    state.round_trips.fetch_add(1, Ordering::SeqCst);
                }
                client_spoke_last = true;
                state.sent.lock().expect("no panic holds it").push(bytes.to_vec());
                match fired(&state, bytes) {
                    Some((Trigger::BeforeServerSees(_), Fault::Cut)) => return,
                    Some((Trigger::BeforeServerSees(_), Fault::Silence)) => return pending().await,
                    Some((Trigger::BeforeClientHears(_), fault)) => at_answer = Some(fault),
                    None => {}
                }
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                if is_silent() { return pending().await }
                let Ok(length @ 1..) = read else { return };
                client_spoke_last = false;
                if let Some(Fault::Silence) = at_answer { return pending().await }
                if let Some(Fault::Cut) = at_answer {
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
fn fired(state: &State, bytes: &[u8]) -> Option<(Trigger, Fault)> {
    let mut trigger = state.trigger.lock().expect("no panic holds it");
    let (Trigger::BeforeServerSees(text) | Trigger::BeforeClientHears(text), _) = trigger.as_ref()?;
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
