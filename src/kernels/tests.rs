//! Every operation against its composed form, in values and gradients, and against finite differences.
