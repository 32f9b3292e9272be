//! Folders of files.

use std::path::Path;
use std::{fs, io};

use crate::error::Result;

/// Copies the files of one folder to another.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// Reads every file once, so that the system has it in memory: a disk is not what is compared. The
/// files must not be open, because closing one gives up all locks that the process has on it.
pub fn read_below(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.is_dir() {
            read_below(&path)?;
        } else {
            io::copy(&mut fs::File::open(path)?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Bytes in the files below a folder, as the disk counts them: LMDB's file has holes.
pub fn bytes_below(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;

    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        let file = file?;
        let metadata = file.metadata()?;
        bytes += if metadata.is_dir() {
            bytes_below(&file.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
