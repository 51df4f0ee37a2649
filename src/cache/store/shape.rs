/*! What changes if a policy gives a cache another size, or takes it away: what it held is
emptied, for the names that it no longer has would hold it for good. */

use super::geometry::Class;
use super::record::{Segment, View};
use super::{Place, Store};
use crate::host::{Expect, Host};
use crate::state::{self, Space};

/// Segments and chunks of the small class, then of the large one.
type Shape = [u64; 4];

const VERSION: u8 = 1;

impl Store {
    /// To be called when a policy begins: empties what an earlier one has left in segments that
    /// this one has not, or has in another form.
    pub fn open(&self, host: &dyn Host) {
        reshape(host, self, self.shape());
    }

    fn shape(&self) -> Shape {
        let shape = [Some(&self.geometry.small), self.geometry.large.as_ref()];
        let shape = shape.map(|class| {
            class.map_or([0, 0], |class| {
                [u64::from(class.segments), u64::from(class.chunks)]
            })
        });
        let [[a, b], [c, d]] = shape;
        [a, b, c, d]
    }

    /// Whether no policy with another shape has begun since this one's.
    pub(super) fn has_its_shape(&self, host: &dyn Host) -> bool {
        let record = host.shared_get(&self.shape_key());
        record.is_none_or(|(record, _)| state::decode_words(&record).take(4).eq(self.shape()))
    }

    /// To be called when a policy without a cache begins.
    pub fn close(host: &dyn Host, space: &Space) {
        let none = Self::new(space, 0, 0);
        if host.shared_get(&none.shape_key()).is_some() {
            reshape(host, &none, [0; 4]);
        }
    }

    fn shape_key(&self) -> String {
        format!("{}shape", self.prefix)
    }
}

fn reshape(host: &dyn Host, store: &Store, new: Shape) {
    let changed = state::try_update(host, &store.shape_key(), |old| {
        let mut words = state::decode_words(old.unwrap_or_default());
        let old = [(); 4].map(|()| words.next().unwrap_or(0));
        let record = state::encode_words(VERSION, new);
        if old == new {
            Err(())
        } else {
            Ok((record, old))
        }
    });
    // Who has changed it empties what went; others find nothing to do.
    if let Ok(Ok([small, small_chunks, large, large_chunks])) = changed {
        let [new_small, new_small_chunks, new_large, new_large_chunks] = new;
        let one = |letter, segments: u64, chunks: u64| Class {
            letter,
            segments: u32::try_from(segments).unwrap_or(u32::MAX),
            entries: 0,
            chunks: u16::try_from(chunks).unwrap_or(u16::MAX),
            room: 0,
        };
        let pairs = [
            (
                one('s', small, small_chunks),
                one('s', new_small, new_small_chunks),
            ),
            (
                one('l', large, large_chunks),
                one('l', new_large, new_large_chunks),
            ),
        ];
        for (old, new) in &pairs {
            for index in 0..old.segments.max(new.segments) {
                store.segment(old, index).reshape(host, index, new);
            }
        }
    }
}

impl Place<'_> {
    /// Brings the segment into the form that it has in `new`, if it has another one.
    fn reshape(&self, host: &dyn Host, index: u32, new: &Class) {
        let Some((record, version)) = host.shared_get(&self.record) else {
            return;
        };
        let stays = index < new.segments;
        let fits = View::of(&record).is_some_and(|view| view.has_chunks(new.chunks));
        if stays && fits {
            return;
        }
        for index in 0..self.class.chunks {
            let name = self.chunk(index);
            if let Some((value, version)) = host.shared_get(&name).filter(|(it, _)| !it.is_empty())
            {
                drop(value);
                // Written meanwhile: by a call of the earlier policy. It is overwritten one day.
                let _ = host.shared_set(&name, &[], Expect::Version(version));
            }
        }
        let fresh = match stays {
            true => Segment::new(new.chunks, host.now().0).encode(),
            false => Vec::new(),
        };
        let _ = host.shared_set(&self.record, &fresh, Expect::Version(version));
    }
}
