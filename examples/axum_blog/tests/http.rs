//! The service, asked as a client would, on a real file.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn post(app: &Router, body: Value) -> (StatusCode, Value) {
    let request = Request::post("/blogs").header("content-type", "application/json");
    ask(app, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn get(app: &Router, id: i64) -> (StatusCode, Value) {
    ask(app, Request::get(format!("/blogs/{id}")).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_blog_is_stored_with_its_posts_and_the_id_is_the_stored_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blog.db");
    let app = axum_blog::app(axum_blog::open(&file).await.unwrap());
    post(&app, json!({ "name": "First", "posts": [] })).await;
    let (status, created) = post(&app, json!({ "name": "Rust", "posts": ["One", "Two"] })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let id = created["id"].as_i64().unwrap();
    assert!(created["created_at"].as_str().is_some_and(|at| !at.is_empty()));

    // Another process would see the same: the file is opened again.
    let again = axum_blog::app(axum_blog::open(&file).await.unwrap());
    let (status, shown) = get(&again, id).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["name"], "Rust");
    assert_eq!(shown["posts"], json!(["One", "Two"]));
    assert_eq!(shown["created_at"], created["created_at"]);
}

#[tokio::test]
async fn a_failing_post_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pool = axum_blog::open(folder.path().join("blog.db")).await.unwrap();
    let app = axum_blog::app(pool.clone());
    let (status, error) = post(&app, json!({ "name": "Half", "posts": ["Fine", ""] })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
    let rows: i64 = sqlx::query_scalar("SELECT (SELECT count(*) FROM blog) + (SELECT count(*) FROM post)")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
    // And the service goes on: the name is still free.
    let (status, _) = post(&app, json!({ "name": "Half", "posts": ["Fine"] })).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, error) = post(&app, json!({ "name": "Half", "posts": [] })).await;
    assert_eq!(status, StatusCode::CONFLICT, "{error}");
}

#[tokio::test]
async fn a_blog_that_is_not_there_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let app = axum_blog::app(axum_blog::open(folder.path().join("blog.db")).await.unwrap());
    assert_eq!(get(&app, 1).await.0, StatusCode::NOT_FOUND);
}
