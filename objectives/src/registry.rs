//! One macro behind every list of names: rewards, advantages and losses are each an enum with one line per file.
//!
//! The enum is its own configuration: `{ name = "ppo", clip = { low = 0.2 } }` in a recipe is the variant, and what is left out has the
//! default of the paper or stack that the file cites. An unknown name or setting is refused.

/// Declares the enum of a family from lines `"name" => Variant(module::Type)`.
macro_rules! registry {
    ($(#[$meta:meta])* $family:ident implements $contract:ident { $($name:literal => $variant:ident($inner:ty)),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "name")]
        pub enum $family {
            $(
                #[doc = concat!("`", $name, "`.")]
                #[serde(rename = $name)]
                $variant($inner),
            )*
        }

        impl $family {
            /// The registered names, in order of registration.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The registered thing called `name` with its default constants.
            ///
            /// # Errors
            /// The name is not registered.
            pub fn named(name: &str) -> Result<Self, crate::ObjectiveError> {
                match name {
                    $($name => Ok(Self::$variant(Default::default())),)*
                    _ => Err(crate::ObjectiveError::unknown(stringify!($family), name, Self::NAMES.iter().copied())),
                }
            }

            /// The name that it is registered under.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            fn inner(&self) -> &dyn $contract {
                match self {
                    $(Self::$variant(inner) => inner,)*
                }
            }
        }

        $(
            impl From<$inner> for $family {
                fn from(inner: $inner) -> Self {
                    Self::$variant(inner)
                }
            }
        )*
    };
}

pub(crate) use registry;
