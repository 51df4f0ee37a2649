/*! Places in texts: what services say in code points of all texts, in bytes of each. */

use super::Found;
use crate::config::Score;

/// A place in a text, in whatever unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark<T> {
    /// Which text, counted from 0.
    pub(super) text: usize,
    pub(super) start: usize,
    /// One past its end.
    pub(super) end: usize,
    /// What is there.
    pub(super) what: T,
}

/// What a service says of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    /// How sure that is.
    pub(super) score: Score,
}

/// Marks in the order of their places; of those that overlap, one over all of them, which
/// says what the longest does, then the one of highest `rank`, then the first.
pub(super) fn merged<T, R: Ord>(mut marks: Vec<Mark<T>>, rank: impl Fn(&T) -> R) -> Vec<Mark<T>> {
    marks.sort_by_key(|mark| (mark.text, mark.start));
    let rank = |mark: &Mark<T>| (mark.end.saturating_sub(mark.start), rank(&mark.what));
    let mut apart: Vec<Group<T>> = Vec::new();
    for mark in marks {
        match apart.last_mut() {
            Some(group) if group.overlaps(&mark) => {
                group.end = group.end.max(mark.end);
                if rank(&mark) > rank(&group.best) {
                    group.best = mark;
                }
            }
            _ => apart.push(Group {
                start: mark.start,
                end: mark.end,
                best: mark,
            }),
        }
    }
    apart.into_iter().map(Group::whole).collect()
}

/// Marks that overlap.
struct Group<T> {
    start: usize,
    end: usize,
    best: Mark<T>,
}

impl<T> Group<T> {
    const fn overlaps(&self, mark: &Mark<T>) -> bool {
        self.best.text == mark.text && mark.start < self.end
    }

    fn whole(self) -> Mark<T> {
        Mark {
            start: self.start,
            end: self.end,
            ..self.best
        }
    }
}

/// The values of `marks`, whose places are code points of their texts. `None` if one of
/// them is in no text.
pub(super) fn in_bytes(texts: &[String], marks: Vec<Mark<Named>>) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    let mut ruler = Ruler::new("");
    let mut measured = None;
    for mark in merged(marks, |what| what.score) {
        if measured != Some(mark.text) {
            ruler = Ruler::new(texts.get(mark.text)?);
            measured = Some(mark.text);
        }
        found.push(Found {
            text: mark.text,
            start: ruler.byte_at(mark.start)?,
            end: ruler.byte_at(mark.end)?,
            name: mark.what.name,
        });
    }
    Some(found)
}

/// Counts the code points of a text, once.
struct Ruler<'a> {
    rest: std::str::Chars<'a>,
    length: usize,
    point: usize,
}

impl<'a> Ruler<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.chars(),
            length: text.len(),
            point: 0,
        }
    }

    /// The byte at which code point `point` begins; no less than the one before.
    fn byte_at(&mut self, point: usize) -> Option<usize> {
        while self.point < point {
            self.rest.next()?;
            self.point = self.point.saturating_add(1);
        }
        Some(self.length.saturating_sub(self.rest.as_str().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: usize, start: usize, end: usize, name: &str, score: u16) -> Mark<Named> {
        Mark {
            text,
            start,
            end,
            what: Named {
                name: name.to_owned(),
                score: Score::new(score).unwrap(),
            },
        }
    }

    #[test]
    fn what_overlaps_becomes_one() {
        let marks = vec![
            mark(0, 40, 51, "URL", 500),
            mark(0, 36, 51, "EMAIL", 1000),
            mark(0, 0, 4, "B", 400),
            mark(0, 0, 4, "A", 900),
            mark(0, 4, 6, "NEXT", 1),
            mark(0, 60, 64, "FIRST", 700),
            mark(0, 62, 66, "LAST", 700),
            mark(1, 0, 4, "OTHER", 1),
        ];
        let wanted = [
            (0, 0, 4, "A"),
            (0, 4, 6, "NEXT"),
            (0, 36, 51, "EMAIL"),
            (0, 60, 66, "FIRST"),
            (1, 0, 4, "OTHER"),
        ];
        let merged = merged(marks, |what| what.score);
        let merged = merged.iter();
        let merged = merged.map(|mark| (mark.text, mark.start, mark.end, &*mark.what.name));
        assert_eq!(merged.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn code_points_become_bytes() {
        let texts = ["aé😀z".to_owned(), String::new(), "日本".to_owned()];
        let places = |marks: &[(usize, usize, usize)]| {
            let marks = marks
                .iter()
                .map(|(text, start, end)| mark(*text, *start, *end, "X", 1));
            let found = in_bytes(&texts, marks.collect())?;
            Some(
                found
                    .into_iter()
                    .map(|found| (found.text, found.start, found.end))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(places(&[]), Some(vec![]));
        assert_eq!(
            places(&[(2, 1, 2), (0, 2, 3), (0, 1, 2), (0, 3, 4)]),
            Some(vec![(0, 1, 3), (0, 3, 7), (0, 7, 8), (2, 3, 6)])
        );
        assert_eq!(places(&[(0, 0, 5)]), None);
        assert_eq!(places(&[(1, 0, 1)]), None);
        assert_eq!(places(&[(3, 0, 0)]), None);
    }
}
