use super::*;

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("srs-boot-ids-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn an_id_is_kept_beside_the_pid_file_and_found_again() {
    let folder = scratch("kept");
    let pid = folder.join("objs/srs.pid");
    let first = server_id(&pid, None, &mut rand::rng());
    assert_eq!(first.warning, None);
    assert!(first.id.starts_with("vid-") && first.id.len() == 11 && is_id(&first.id), "{first:?}");
    assert_eq!(server_id(&pid, None, &mut rand::rng()), first);
    assert_eq!(std::fs::read_to_string(folder.join("objs/srs.id")).unwrap(), first.id);
    assert_eq!(std::fs::read_dir(folder.join("objs")).unwrap().count(), 1, "nothing is left beside it");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_configured_id_wins_and_is_not_kept() {
    let folder = scratch("configured");
    let id = server_id(&folder.join("srs.pid"), Some("mine"), &mut rand::rng());
    assert_eq!(id, ServerId { id: "mine".to_owned(), warning: None });
    assert!(!folder.exists());
}

#[test]
fn a_folder_that_cannot_be_written_gives_a_new_id_with_a_warning() {
    let id = server_id(Path::new("/proc/none/srs.pid"), None, &mut rand::rng());
    assert!(is_id(&id.id));
    assert!(id.warning.unwrap().contains("changes at each start"));
}

#[test]
fn a_file_that_holds_no_id_is_left_alone_with_a_warning() {
    let folder = scratch("strange");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("srs.id");
    std::fs::write(&file, "not an id\n<script>").unwrap();
    let id = server_id(&folder.join("srs.pid"), None, &mut rand::rng());
    assert!(is_id(&id.id) && id.warning.is_some(), "{id:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not an id\n<script>");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn of_two_that_start_together_both_end_with_the_first_id() {
    let folder = scratch("race");
    let path = folder.join("srs.id");
    assert_eq!(keep(&path, "vid-aaaaaaa").unwrap(), "vid-aaaaaaa");
    assert_eq!(keep(&path, "vid-bbbbbbb").unwrap(), "vid-aaaaaaa");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_service_id_is_new_each_time() {
    let (a, b) = (service_id(&mut rand::rng()), service_id(&mut rand::rng()));
    assert_eq!((a.len(), b.len()), (8, 8));
    assert_ne!(a, b);
}

#[test]
fn an_id_has_no_character_that_means_something_elsewhere() {
    for text in ["", "a b", "a/b", "a:b", "a\nb", "é", &"a".repeat(65)] {
        assert!(!is_id(text), "{text:?}");
    }
    assert!(is_id("vid-46p14mm") && is_id(&"a".repeat(64)));
}
