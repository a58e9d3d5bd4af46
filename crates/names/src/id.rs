//! What nodes and clients are called.

use crate::text::check;
use crate::{NameError, Part};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// SRS ids are 7 to 12 characters, UUIDs 36, host names at most 253.
const MAX_BYTES: usize = 256;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts 1 to 256 bytes of the characters that names may hold.
            pub fn new(id: &str) -> Result<Self, NameError> {
                check(Part::Id, id, MAX_BYTES)?;
                Ok(Self(id.into()))
            }

            /// The id as written on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(id: String) -> Result<Self, NameError> {
                Self::new(&id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
    };
}

id! {
    /// The stable server id of a node: the same after a restart, whatever its address. Rendezvous
    /// hashing, leases and session tokens name nodes by it and by nothing else.
    NodeId
}

id! {
    /// One client's session at one node, as shown in `/api/v1/clients` and given to kick.
    ClientId
}
