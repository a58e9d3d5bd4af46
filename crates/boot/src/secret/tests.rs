use std::os::unix::fs::PermissionsExt;

use super::*;

struct Home(PathBuf, Vars);

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("srs-boot-secret-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let vars = Vars::from([("HOME".to_owned(), path.display().to_string())]);
        Self(path, vars)
    }

    fn holding(name: &str, text: &str, mode: u32) -> Self {
        let home = Self::new(name);
        let file = path(&home.1).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        home
    }

    fn load(&self) -> Result<Secret, Error> {
        load_or_make(&self.1, &mut rand::rng())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_secret_is_made_once_for_its_owner_alone() {
    let home = Home::new("once");
    let secret = home.load().unwrap();
    assert_eq!(secret.expose().len(), 64);
    assert_eq!(home.load().unwrap(), secret);
    let file = home.0.join(".local/state/srs-cluster/secret");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let folder = file.parent().unwrap();
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn programs_that_start_together_agree() {
    let home = Home::new("together");
    let start = std::sync::Barrier::new(8);
    let secrets: Vec<String> = std::thread::scope(|scope| {
        let run = || {
            start.wait();
            home.load().unwrap().expose().to_owned()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{}", secrets.len());
}

#[test]
fn the_state_folder_wins_over_the_home() {
    let mut home = Home::new("state");
    home.1.insert("XDG_STATE_HOME".to_owned(), home.0.join("s").display().to_string());
    home.load().unwrap();
    assert!(home.0.join("s/srs-cluster/secret").exists());
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let home = Home::holding("open", "0123456789abcdef", 0o644);
    assert!(matches!(home.load(), Err(Error::Open { .. })));
}

#[test]
fn a_file_that_holds_no_secret_is_refused() {
    for text in ["", "short", "two lines of\ntext here", &"x".repeat(5000)] {
        let home = Home::holding("strange", text, 0o600);
        assert!(matches!(home.load(), Err(Error::Strange { .. })), "{text:?}");
    }
    let home = Home::holding("given", "a-secret-of-ones-own\n", 0o600);
    assert_eq!(home.load().unwrap().expose(), "a-secret-of-ones-own");
}

#[test]
fn without_a_home_there_is_no_place() {
    assert!(matches!(load_or_make(&Vars::new(), &mut rand::rng()), Err(Error::NoPlace)));
}
