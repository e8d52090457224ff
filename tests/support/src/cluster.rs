//! A MariaDB Galera cluster, which a test may take apart: every node of it writes, and any one of them can be killed.

use crate::server::script;

/// The three nodes that `scripts/servers cluster` has started, as its environment names them.
#[derive(Debug)]
pub struct Cluster {
    folder: String,
    /// Where to connect to each node.
    pub urls: [String; 3],
}

impl Cluster {
    /// The cluster this process was started for.
    pub fn given() -> Self {
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/clusters"))
        };
        let urls = [1, 2, 3].map(|number| variable(&format!("UOW_GALERA{number}_URL")));
        Self { folder: variable("UOW_SERVERS_DIR"), urls }
    }

    /// Crashes a node, counted from 0: SIGKILL to every process of it.
    pub async fn kill9(&self, node: usize) {
        script("kill9", &name(node), &self.folder).await;
    }

    /// Starts a crashed node on its data and ports, and returns when it has all that the cluster has and answers.
    pub async fn start(&self, node: usize) {
        script("start", &name(node), &self.folder).await;
    }
}

fn name(node: usize) -> String {
    format!("galera{}", node + 1)
}
