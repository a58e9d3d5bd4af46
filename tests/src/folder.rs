//! Where tests keep files.

use std::path::PathBuf;

/// A folder that is removed when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one in the system's folder for temporary files, which other users may write to.
    pub fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("srs-tests-{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("a folder of our own");
        Folder(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Default for Folder {
    fn default() -> Folder {
        Folder::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed_already = std::fs::remove_dir_all(&self.0);
    }
}
