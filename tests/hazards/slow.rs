//! An engine that takes its time, so that what was polled once is in flight then: on a busy machine an answer is often there
//! before the asker has looked for it.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::SqliteConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

use super::steps::*;

const DELAY: Duration = Duration::from_millis(3);

/// An engine with a slow side.
pub(crate) trait Slow: Steps {
    /// A pool on the lab's database whose answers are a moment late; with its first connection made.
    async fn slow(lab: &Lab<Self>, options: PoolOptions<Self>) -> Pool<Self>;
}

/// A pool of at most this many connections.
pub(crate) fn at_most<DB: sqlx::Database>(connections: u32) -> PoolOptions<DB> {
    uow_test_support::pool_options().max_connections(connections)
}

impl Slow for Sqlite {
    async fn slow(lab: &Lab<Self>, options: PoolOptions<Self>) -> Pool<Self> {
        let options = options.after_connect(|connection, _| Box::pin(slow_down(connection)));
        options.connect_with(lab.connect.clone()).await.expect("it opens")
    }
}

/// Has the worker rest within each statement.
async fn slow_down(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    connection.lock_handle().await?.set_progress_handler(1, || {
        thread::sleep(Duration::from_millis(1));
        true
    });
    Ok(())
}

macro_rules! slow_network {
    ($($db:ty),*) => {$(
        impl Slow for $db {
            async fn slow(lab: &Lab<Self>, options: PoolOptions<Self>) -> Pool<Self> {
                let server = format!("{}:{}", lab.connect.get_host(), lab.connect.get_port());
                let relay = slow_relay(server).await;
                let connect = lab.connect.clone().host(&relay.ip().to_string()).port(relay.port());
                options.connect_with(connect).await.expect("the relay reaches the server")
            }
        }
    )*};
}

slow_network!(Postgres, MySql);

/// Where a relay to this server listens, for as long as the runtime lives.
async fn slow_relay(server: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(&server).await {
                tokio::spawn(carry(client, server));
            }
        }
    });
    address
}

/// Carries questions at once and answers late, and the end of either side to the other.
async fn carry(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let questions = async {
        copy(&mut from_client, &mut to_server).await.ok();
        to_server.shutdown().await.ok();
    };
    let answers = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            tokio::time::sleep(DELAY).await;
            if to_client.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
        to_client.shutdown().await.ok();
    };
    tokio::join!(questions, answers);
}
