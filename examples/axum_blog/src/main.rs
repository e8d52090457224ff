//! Serves the blog. `cargo run -p axum_blog`, then:
//!
//! ```sh
//! curl -i localhost:3000/blogs -H 'content-type: application/json' -d '{"name": "Rust", "posts": ["One", "Two"]}'
//! curl -i localhost:3000/blogs/1
//! curl -i localhost:3000/blogs -H 'content-type: application/json' -d '{"name": "Half", "posts": ["Fine", ""]}'
//! ```
//!
//! The last one fails at its second post (the title is empty), and nothing of it is stored.

use std::io::Write as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "blog.db".to_owned());
    let app = axum_blog::app(axum_blog::open(file).await?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}
