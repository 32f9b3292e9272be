//! The handles that a method is for: each is written once, and stamped onto all of them.

/// Stamps methods that read onto the vault, the transaction and the snapshot.
macro_rules! for_readers {
    ($methods:ident) => {
        impl<K, V> crate::map::vault::Vault<K, V>
        where
            K: serde::Serialize + serde::de::DeserializeOwned + Eq + std::hash::Hash,
            V: serde::Serialize + serde::de::DeserializeOwned,
        {
            $methods!(self);
        }

        impl<K, V> crate::map::transaction::Transaction<'_, K, V>
        where
            K: serde::Serialize + serde::de::DeserializeOwned + Eq + std::hash::Hash,
            V: serde::Serialize + serde::de::DeserializeOwned,
        {
            $methods!(self);
        }

        impl<K, V> crate::map::snapshot::Snapshot<K, V>
        where
            K: serde::Serialize + serde::de::DeserializeOwned + Eq + std::hash::Hash,
            V: serde::Serialize + serde::de::DeserializeOwned,
        {
            $methods!(self);
        }
    };
}

/// Stamps methods that write onto the vault and the transaction, each with its receiver and the
/// sentence that says what waiting there is.
macro_rules! for_writers {
    ($methods:ident) => {
        impl<K, V> crate::map::vault::Vault<K, V>
        where
            K: serde::Serialize + serde::de::DeserializeOwned + Eq + std::hash::Hash,
            V: serde::Serialize + serde::de::DeserializeOwned,
        {
            $methods!(
                self,
                [&self],
                "Waits for the writer, at most for the busy timeout."
            );
        }

        impl<K, V> crate::map::transaction::Transaction<'_, K, V>
        where
            K: serde::Serialize + serde::de::DeserializeOwned + Eq + std::hash::Hash,
            V: serde::Serialize + serde::de::DeserializeOwned,
        {
            $methods!(
                self,
                [&mut self],
                "Part of the transaction: whole or not at all within it, and seen by nobody else before the commit."
            );
        }
    };
}

pub(crate) use {for_readers, for_writers};
