use super::*;

#[test]
fn a_second_process_with_the_same_pid_file_is_refused() {
    let folder = std::env::temp_dir().join(format!("srs-boot-pid-{}", std::process::id()));
    let path = folder.join("objs/srs.pid");
    let first = PidFile::take(&path, 4711).unwrap();
    let second = PidFile::take(&path, 4712).unwrap_err();
    assert!(matches!(second, Error::Running { .. }), "{second}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "4711");
    drop(first);
    let _third = PidFile::take(&path, 12).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "12");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_pid_file_that_cannot_be_written_is_named() {
    let error = PidFile::take(Path::new("/proc/none/srs.pid"), 1).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(error.to_string().starts_with("/proc/none/srs.pid: cannot write"), "{error}");
}
