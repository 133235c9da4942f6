//! Whole texts: what is accepted, and which mistakes are found where.
