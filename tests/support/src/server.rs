//! A server of a test's own, which it may kill.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::Engine;

/// The script that starts, kills and removes servers.
const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/servers");

/// How long the script may take for a kill or a start, in seconds. (It gives up earlier by itself, and says why.)
const STEP: &str = "90";

/// How long a server may be there at all, in seconds.
const LIFE: &str = "240";

/// A server of a test's own. It is stopped and removed when this is dropped, and when the test's process dies.
#[derive(Debug)]
pub struct OwnServer {
    engine: &'static str,
    folder: String,
    /// Where to connect.
    pub url: String,
    /// `scripts/servers run`, which takes the server down when the pipe to it breaks.
    keeper: Child,
    pipe: Option<ChildStdin>,
}

impl OwnServer {
    /// A fresh server of this engine, which answers.
    pub async fn up<DB: Engine>() -> Self {
        let (engine, url, other) = match DB::NAME {
            "PostgreSQL" => ("postgres", "UOW_POSTGRES_URL", "UOW_MYSQL_URL"),
            _ => ("mysql", "UOW_MYSQL_URL", "UOW_POSTGRES_URL"),
        };
        let mut command = Command::new("timeout");
        let tell = format!("echo $UOW_SERVERS_DIR; echo ${url}; exec cat");
        command.args(["--kill-after=5", LIFE, SERVERS, "run", "sh", "-c", &tell]);
        // The other server is said to be given already, so it is not started.
        command.env_remove(url).env(other, "none").stdin(Stdio::piped()).stdout(Stdio::piped());
        blocking(move || {
            let mut keeper = command.spawn().expect("scripts/servers can be run");
            let pipe = keeper.stdin.take();
            let told = BufReader::new(keeper.stdout.take().expect("it is piped"));
            let told: Vec<String> = told.lines().take(2).map_while(Result::ok).collect();
            let Ok([folder, url]) = <[String; 2]>::try_from(told) else {
                panic!("scripts/servers did not start {engine}: see above");
            };
            Self { engine, folder, url, keeper, pipe }
        })
        .await
    }

    /// Crashes the server: SIGKILL to every process of it.
    pub async fn kill9(&self) {
        script("kill9", self.engine, &self.folder).await;
    }

    /// Starts the crashed server on its data and port, and returns when it answers.
    pub async fn start(&self) {
        script("start", self.engine, &self.folder).await;
    }

    /// Stops the server as it is, in the middle of whatever it does: SIGSTOP to every process of it. It answers nobody.
    pub async fn freeze(&self) {
        script("freeze", self.engine, &self.folder).await;
    }

    /// Lets a frozen server go on.
    pub async fn thaw(&self) {
        script("thaw", self.engine, &self.folder).await;
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.pipe.take());
        self.keeper.wait().ok();
    }
}

/// Has `scripts/servers` do this to a server, or a node, that it has started in this folder.
pub(crate) async fn script(what: &'static str, engine: &str, folder: &str) {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", STEP, SERVERS, what, engine]).stdin(Stdio::null());
    command.env("UOW_SERVERS_DIR", folder);
    let done = blocking(move || command.output()).await.expect("scripts/servers can be run");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "`scripts/servers {what}`, {}: {told}", done.status);
}

/// Runs what waits for another process, where it does not hold up the runtime.
async fn blocking<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(wait).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
