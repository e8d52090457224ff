use unit_of_work::Repository;

struct Session;

#[derive(Repository)]
struct Blogs {
    session: Session,
}

fn main() {}
