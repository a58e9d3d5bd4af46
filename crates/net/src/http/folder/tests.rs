use std::path::Path;

use super::*;

/// A folder for one test, removed at its end: `www` with a page, beside it what nobody may read.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        let path = std::env::temp_dir().join(format!("srs-net-folder-{:016x}", rand::random::<u64>()));
        for (name, text) in [
            ("www/index.html", "front"),
            ("www/a b.txt", "blank"),
            ("www/sub/index.html", "below"),
            ("secret.txt", "secret"),
            ("www_x/twin.txt", "twin"),
        ] {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Place(path)
    }

    fn folder(&self) -> Folder {
        Folder::new(self.0.join("www"))
    }

    fn link(&self, from: &str, to: impl AsRef<Path>) {
        std::os::unix::fs::symlink(to, self.0.join(from)).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _removed_already = std::fs::remove_dir_all(&self.0);
    }
}

fn get(target: &str) -> Request<()> {
    Request::get(target).body(()).unwrap()
}

fn text(answer: Answer) -> String {
    let Content::File(file, range) = answer.body else { panic!("no file") };
    let text = std::io::read_to_string(&*file).unwrap();
    assert_eq!(range, 0..text.len() as u64);
    text
}

#[tokio::test]
async fn files_below_the_folder_are_served() {
    let place = Place::new();
    let folder = place.folder();
    for (target, expected) in
        [("/", "front"), ("/index.html?x=1", "front"), ("//sub//", "below"), ("/a%20b.txt", "blank")]
    {
        let answer = folder.answer(&get(target)).await.expect(target);
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(text(answer), expected, "{target}");
    }
    assert_eq!(
        folder.answer(&get("/a%20b.txt")).await.unwrap().headers["content-type"],
        "text/plain; charset=utf-8"
    );
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let place = Place::new();
    let secret = place.0.join("secret.txt");
    place.link("www/out.txt", "../secret.txt");
    place.link("www/absolute.txt", &secret);
    place.link("www/up", "..");
    place.link("www/twin", "../www_x");
    place.link("www/around.txt", "sub/../../secret.txt");
    let folder = place.folder();
    let absolute = secret.to_str().unwrap();
    for target in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%252e%252e/secret.txt",
        "/..%252fsecret.txt",
        "/sub/../../secret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "/%2e%2e%5csecret.txt",
        "/../www_x/twin.txt",
        "_x/twin.txt",
        "/index.html%00.txt",
        "/index.html%0a",
        "/out.txt",
        "/absolute.txt",
        "/up/secret.txt",
        "/twin/twin.txt",
        "/around.txt",
        &format!("/{absolute}"),
        &format!("/{}", absolute.replace('/', "%2f")),
    ] {
        // What cannot be written in a request is refused before it comes here.
        let Ok(request) = Request::get(target).body(()) else { continue };
        assert!(folder.answer(&request).await.is_none(), "{target}");
    }
}

#[tokio::test]
async fn a_link_that_stays_inside_is_followed() {
    let place = Place::new();
    place.link("www/inside.html", "sub/index.html");
    if let Some(answer) = place.folder().answer(&get("/inside.html")).await {
        assert_eq!(text(answer), "below");
    }
}

#[test]
fn without_the_kernels_help_no_link_is_followed() {
    let place = Place::new();
    place.link("www/inside.html", "sub/index.html");
    place.link("www/up", "..");
    let root = openat(CWD, place.0.join("www"), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    assert!(walk(&root, "sub/index.html").is_ok());
    assert!(walk(&root, "inside.html").is_err());
    assert!(walk(&root, "up/secret.txt").is_err());
}

#[tokio::test]
async fn a_folder_asked_for_as_a_file_is_told_its_own_address() {
    let place = Place::new();
    let answer = place.folder().answer(&get("//sub")).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers["location"]),
        (StatusCode::MOVED_PERMANENTLY, &HeaderValue::from_static("/sub/"))
    );
}

#[tokio::test]
async fn a_file_that_the_client_has_is_not_sent_again() {
    let place = Place::new();
    let folder = place.folder();
    let tag = folder.answer(&get("/")).await.unwrap().headers["etag"].clone();
    let request = Request::get("/").header("if-none-match", tag).body(()).unwrap();
    assert_eq!(folder.answer(&request).await.unwrap().status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_pipe_is_no_file() {
    let place = Place::new();
    let pipe = place.0.join("www/pipe");
    rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(place.folder().answer(&get("/pipe")).await.is_none());
}
