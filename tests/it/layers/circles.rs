//! No two files of the sources use each other, directly or through other files.

use super::imports::circles;
use super::uses;

#[test]
fn no_file_uses_itself_through_others() {
    let found: Vec<String> = circles(&uses())
        .values()
        .map(|path| path.iter().map(|module| module.join("/")).collect())
        .map(|path: Vec<String>| path.join(" > "))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
