//! The file is the record: settings, scripts, goal states, state files.
//!
//! A file longer than the limit is framed as too long; what to do then is the format's business.

use super::{Found, Frame, Framer};
use crate::evidence::unit::{Defects, UnitKind};

/// Frames the whole item.
#[derive(Clone, Debug)]
pub struct Whole {
    limit: usize,
    discarding: bool,
}

impl Whole {
    /// Items up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            discarding: false,
        }
    }
}

impl Framer for Whole {
    fn frame(&mut self, buffer: &[u8], last: bool, found: &mut dyn FnMut(Found)) -> usize {
        if last {
            let too_long = self.discarding || buffer.len() > self.limit;
            let defects = Defects {
                too_long,
                ..Defects::default()
            };
            found(Found::Frame(Frame {
                range: 0..buffer.len(),
                kind: UnitKind::Record,
                defects,
            }));
            return buffer.len();
        }
        if self.discarding || buffer.len() > self.limit {
            self.discarding = true;
            return buffer.len();
        }
        0
    }

    fn discarding(&self) -> bool {
        self.discarding
    }
}
