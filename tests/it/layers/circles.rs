//! No two files of the sources use each other, directly or by way of others.

use super::imports::circles;
use super::uses;

/// Files that are in a circle still. One that has left its circle is to be deleted here.
const KNOWN: &[&str] = &[
    "sqlite",
    "sqlite/coherence",
    "sqlite/connection/rowids",
    "sqlite/connection/sendable",
    "sqlite/connection/session",
    "sqlite/connection/statements",
    "sqlite/maintenance",
    "sqlite/names",
    "sqlite/open",
    "sqlite/read",
    "sqlite/replace",
    "sqlite/write/checkpoint",
    "sqlite/write/group",
    "sqlite/write/load",
    "sqlite/write/scope",
    "sqlite/write/transaction",
];

#[test]
fn no_file_uses_itself_by_way_of_others() {
    let circles = circles(&uses());
    let found: Vec<String> = circles.keys().map(|module| module.join("/")).collect();
    let new: Vec<String> = circles
        .values()
        .map(|way| way.iter().map(|module| module.join("/")).collect())
        .filter(|way: &Vec<String>| !KNOWN.contains(&way[0].as_str()))
        .map(|way| way.join(" > "))
        .collect();
    assert!(new.is_empty(), "new circles: {new:#?}");
    let gone: Vec<&&str> = KNOWN
        .iter()
        .filter(|known| !found.iter().any(|module| module == **known))
        .collect();
    assert!(
        gone.is_empty(),
        "delete these from the list, they are in no circle now: {gone:#?}"
    );
}
