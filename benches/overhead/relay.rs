//! A relay that holds the server's answers back until the client is waiting for them.
//!
//! How often a client that is slowed down by callgrind has to wait is else up to chance, and a wait is thousands of
//! instructions of the runtime's.

use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longer than the client takes from having asked to waiting.
const HELD_BACK: Duration = Duration::from_millis(2);

/// Starts a relay to the server at this address, for as long as the program runs, and returns its port on loopback.
pub(crate) fn start(server: String) -> u16 {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(relay(client, server));
            }
        });
    });
    port
}

/// Carries bytes both ways until one side closes.
async fn relay(client: TcpStream, server: TcpStream) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = async {
        tokio::io::copy(&mut from_client, &mut to_server).await.ok();
        to_server.shutdown().await.ok();
    };
    let answering = async {
        let mut answer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut answer).await {
            tokio::time::sleep(HELD_BACK).await;
            // What has come meanwhile belongs to the same answer: the client sees it whole.
            let more = from_server.try_read(&mut answer[length..]).unwrap_or(0);
            if to_client.write_all(&answer[..length + more]).await.is_err() {
                break;
            }
        }
        to_client.shutdown().await.ok();
    };
    tokio::join!(asking, answering);
}
