//! The file of a vault: its path, its size, closing and deleting it.

use vaults::{CloseError, Error, Vault};

use crate::support::{Scratch, contents, entries, numbers, open, ran_without_privileges, set_mode};

#[test]
fn the_path_is_absolute() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    assert_eq!(vault.path(), Some(&*scratch.vault()));
    drop(vault);
    // `..` is resolved.
    std::fs::create_dir(scratch.path("folder")).unwrap();
    let vault = open::<u32, u32>(scratch.path("folder/../vault.db"));
    assert_eq!(vault.path(), Some(&*scratch.vault()));
    let memory: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    assert_eq!(memory.path(), None);
}

#[test]
fn the_size_is_that_of_the_file_and_its_log() {
    let scratch = Scratch::new();
    let vault = open::<u32, String>(scratch.vault());
    let small = vault.size_on_disk().unwrap();
    vault.put(&1, &"x".repeat(1_000_000)).unwrap();
    let large = vault.size_on_disk().unwrap();
    assert!(large >= small + 1_000_000, "{small}, {large}");
    let on_disk = |name| std::fs::metadata(scratch.path(name)).unwrap().len();
    assert_eq!(large, on_disk("vault.db") + on_disk("vault.db-wal"));
    drop(vault);
    let vault = open::<u32, String>(scratch.vault());
    assert!(vault.size_on_disk().unwrap() >= 1_000_000);

    let memory: Vault<u32, String> = Vault::open_in_memory().unwrap();
    assert!(memory.size_on_disk().unwrap() < 1_000_000);
    memory.put(&1, &"x".repeat(1_000_000)).unwrap();
    let large = memory.size_on_disk().unwrap();
    assert!(large >= 1_000_000, "{large}");
}

#[test]
fn closing_leaves_one_file() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let clone = vault.clone();
    let iterator = clone.clone().into_iter();
    vault.close().unwrap();
    clone.put(&10, &10).unwrap();
    clone.close().unwrap();
    assert_eq!(iterator.count(), 10, "an iterator keeps the file open");
    assert_eq!(
        contents(&scratch.folder()).into_keys().collect::<Vec<_>>(),
        ["vault.db"]
    );
    assert_eq!(open::<u32, u32>(scratch.vault()).len().unwrap(), 11);
}

#[test]
fn deleting_removes_all_files() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(100)).unwrap();
    vault.get(&1).unwrap();
    vault.delete().unwrap();
    assert!(contents(&scratch.folder()).is_empty());
    let vault = open::<u32, String>(scratch.vault());
    assert!(vault.is_empty().unwrap());
    let memory: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    memory.put(&1, &1).unwrap();
    memory.delete().unwrap();
}

#[test]
fn deleting_what_is_in_use() {
    let scratch = Scratch::new();
    let make = || {
        let vault = open::<u32, u32>(scratch.vault());
        vault.put(&1, &1).unwrap();
        vault
    };
    let vault = make();
    let clone = vault.clone();
    assert_is!(vault.delete().map_err(Error::from), Err(Error::InUse { location, .. }) if *location == *scratch.vault());
    clone.put(&2, &2).unwrap();
    drop(clone);

    let vault = make();
    let iterator = vault.clone().into_iter();
    assert_is!(
        vault.delete().map_err(Error::from),
        Err(Error::InUse { .. })
    );
    assert_eq!(iterator.count(), 2);

    let vault = make();
    let other = open::<u32, u32>(scratch.vault());
    assert_is!(
        vault.delete().map_err(Error::from),
        Err(Error::InUse { .. })
    );
    other.put(&3, &3).unwrap();
    assert_eq!(entries(&other), [(1, 1), (2, 2), (3, 3)]);
    other.delete().unwrap();
    assert!(contents(&scratch.folder()).is_empty());
}

#[test]
fn a_vault_that_could_not_be_deleted_is_intact() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.try_extend(numbers(10)).unwrap();
    let other = open::<u32, u32>(scratch.vault());
    assert_is!(
        vault.delete().map_err(Error::from),
        Err(Error::InUse { .. })
    );
    drop(other);
    let vault = open::<u32, u32>(scratch.vault());
    assert!(entries(&vault).into_iter().eq(numbers(10)));
}

/// The handle that a failed call has given back reads and writes, and can then be deleted.
fn is_usable(failed: CloseError<u32, u32>, scratch: &Scratch) {
    let vault = failed.into_vault();
    assert_eq!(vault.get(&1).unwrap(), Some(1));
    vault.put(&1, &10).unwrap();
    *vault.entry(2).or_insert(0).unwrap() += 20;
    let other = open::<u32, u32>(scratch.vault());
    assert_eq!(entries(&other), [(1, 10), (2, 20)]);
    other.put(&3, &30).unwrap();
    assert_eq!(vault.len().unwrap(), 3);
    drop(other);
    vault.delete().unwrap();
    assert!(contents(&scratch.folder()).is_empty());
}

#[test]
fn a_failed_delete_gives_the_handle_back() {
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&1, &1).unwrap();
    vault.len().unwrap();
    let other = open::<u32, u32>(scratch.vault());
    let failed = vault.delete().unwrap_err();
    assert_is!(failed.error(), Error::InUse { .. });
    drop(other);
    is_usable(failed, &scratch);
}

#[cfg(unix)]
#[test]
fn a_delete_that_the_folder_refuses_gives_the_handle_back() {
    if ran_without_privileges(
        "api::close_and_delete::a_delete_that_the_folder_refuses_gives_the_handle_back",
    ) {
        return;
    }
    let scratch = Scratch::new();
    let vault = open::<u32, u32>(scratch.vault());
    vault.put(&1, &1).unwrap();
    set_mode(&scratch.folder(), 0o555);
    let failed = vault.delete().unwrap_err();
    set_mode(&scratch.folder(), 0o755);
    is_usable(failed, &scratch);
}

#[test]
fn an_error_of_closing_converts_into_an_error() {
    fn delete(vault: Vault<u32, u32>) -> vaults::Result<()> {
        vault.delete()?;
        Ok(())
    }
    let vault: Vault<u32, u32> = Vault::open_in_memory().unwrap();
    assert_is!(delete(vault.clone()), Err(Error::InUse { .. }));
    let failed = vault.clone().delete().unwrap_err();
    assert_eq!(failed.to_string(), failed.error().to_string());
    let (clone, error) = failed.into_parts();
    assert_is!(error, Error::InUse { .. });
    drop(clone);
    delete(vault).unwrap();
}
