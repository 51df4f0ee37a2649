/*! Operators' regular expressions, read.

The syntax is that of the crate `regex`, with one difference that keeps tables of Unicode out
of the module: `\d`, `\w`, `\s`, `\b` and `(?i)` know ASCII only, and `\p{…}` is refused.
Everything else reads whole characters, so a match never begins or ends within one. */

use regex_syntax::ast::{
    Assertion, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet,
    ClassSetItem, ClassSetRange, ClassSetUnion, Flag, Flags, FlagsItem, FlagsItemKind, Group,
    GroupKind, Literal, LiteralKind, Span, parse::ParserBuilder,
};
use regex_syntax::hir::{Hir, translate::TranslatorBuilder};

/// Deepest nesting of groups.
const DEEPEST: u32 = 50;

/// Reads a regular expression.
pub(super) fn read(regex: &str) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().nest_limit(DEEPEST).build();
    let mut ast = parser
        .parse(regex)
        .map_err(|error| error.kind().to_string())?;
    Ascii { insensitive: false }.ast(&mut ast)?;
    let hir = TranslatorBuilder::new().build().translate(regex, &ast);
    hir.map_err(|error| error.kind().to_string())
}

/// Puts what knows ASCII only in the place of what would need tables.
struct Ascii {
    /// Whether case counts for nothing where we are.
    insensitive: bool,
}

impl Ascii {
    fn ast(&mut self, ast: &mut Ast) -> Result<(), String> {
        let put = match ast {
            Ast::Flags(set) => return self.flags(&mut set.flags),
            Ast::Literal(literal) if self.has_cases(literal.c) => {
                let items = both_cases(literal).map(ClassSetItem::Literal).into();
                class(literal.span, false, union(literal.span, items))
            }
            Ast::Assertion(assertion) => ascii_only(assertion),
            Ast::ClassUnicode(_) => return Err(no_tables()),
            Ast::ClassPerl(perl) => {
                let item = ClassSetItem::Ascii(ascii(perl, false));
                class(perl.span, perl.negated, item)
            }
            Ast::ClassBracketed(class) => return self.set(&mut class.kind),
            Ast::Repetition(repetition) => return self.ast(&mut repetition.ast),
            Ast::Group(group) => return self.group(group),
            Ast::Alternation(alternation) => return self.all(&mut alternation.asts),
            Ast::Concat(concat) => return self.all(&mut concat.asts),
            Ast::Empty(_) | Ast::Literal(_) | Ast::Dot(_) => return Ok(()),
        };
        *ast = put;
        Ok(())
    }

    fn all(&mut self, asts: &mut [Ast]) -> Result<(), String> {
        asts.iter_mut().try_for_each(|ast| self.ast(ast))
    }

    fn group(&mut self, group: &mut Group) -> Result<(), String> {
        let outside = self.insensitive;
        if let GroupKind::NonCapturing(flags) = &mut group.kind {
            self.flags(flags)?;
        }
        self.ast(&mut group.ast)?;
        self.insensitive = outside;
        Ok(())
    }

    /// Takes `i` out of the flags. Without `u` characters could be cut, so that is refused.
    fn flags(&mut self, flags: &mut Flags) -> Result<(), String> {
        let mut negated = false;
        for item in &flags.items {
            match item.kind {
                FlagsItemKind::Negation => negated = true,
                FlagsItemKind::Flag(Flag::CaseInsensitive) => self.insensitive = !negated,
                FlagsItemKind::Flag(Flag::Unicode) if negated => {
                    return Err(String::from("the flag u cannot be switched off"));
                }
                FlagsItemKind::Flag(_) => {}
            }
        }
        let of_case = FlagsItemKind::Flag(Flag::CaseInsensitive);
        flags.items.retain(|item| item.kind != of_case);
        Ok(())
    }

    const fn has_cases(&self, c: char) -> bool {
        self.insensitive && c.is_ascii_alphabetic()
    }

    fn set(&self, set: &mut ClassSet) -> Result<(), String> {
        match set {
            ClassSet::Item(item) => self.item(item),
            ClassSet::BinaryOp(op) => {
                self.set(&mut op.lhs)?;
                self.set(&mut op.rhs)
            }
        }
    }

    fn item(&self, item: &mut ClassSetItem) -> Result<(), String> {
        let put = match item {
            ClassSetItem::Unicode(_) => return Err(no_tables()),
            ClassSetItem::Perl(perl) => ClassSetItem::Ascii(ascii(perl, perl.negated)),
            ClassSetItem::Literal(literal) if self.has_cases(literal.c) => {
                let items = both_cases(literal).map(ClassSetItem::Literal);
                union(literal.span, items.into())
            }
            ClassSetItem::Range(range) if self.insensitive => {
                let mut items: Vec<_> = other_case(range).collect();
                items.push(ClassSetItem::Range(range.clone()));
                union(range.span, items)
            }
            ClassSetItem::Ascii(ascii) => {
                let one_case = matches!(ascii.kind, ClassAsciiKind::Lower | ClassAsciiKind::Upper);
                if self.insensitive && one_case {
                    ascii.kind = ClassAsciiKind::Alpha;
                }
                return Ok(());
            }
            ClassSetItem::Bracketed(class) => return self.set(&mut class.kind),
            ClassSetItem::Union(union) => {
                let mut items = union.items.iter_mut();
                return items.try_for_each(|item| self.item(item));
            }
            ClassSetItem::Empty(_) | ClassSetItem::Literal(_) | ClassSetItem::Range(_) => {
                return Ok(());
            }
        };
        *item = put;
        Ok(())
    }
}

fn no_tables() -> String {
    String::from("classes of Unicode such as \\p{L} are not known")
}

fn class(span: Span, negated: bool, item: ClassSetItem) -> Ast {
    let kind = ClassSet::Item(item);
    Ast::ClassBracketed(Box::new(ClassBracketed {
        span,
        negated,
        kind,
    }))
}

const fn union(span: Span, items: Vec<ClassSetItem>) -> ClassSetItem {
    ClassSetItem::Union(ClassSetUnion { span, items })
}

const fn ascii(perl: &ClassPerl, negated: bool) -> ClassAscii {
    let kind = match perl.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassAscii {
        span: perl.span,
        kind,
        negated,
    }
}

fn literal(span: Span, c: char) -> Literal {
    let kind = LiteralKind::Verbatim;
    Literal { span, kind, c }
}

fn both_cases(of: &Literal) -> [Literal; 2] {
    let cases = [of.c.to_ascii_lowercase(), of.c.to_ascii_uppercase()];
    cases.map(|c| literal(of.span, c))
}

/// The ASCII letters of a range in their other case.
fn other_case(range: &ClassSetRange) -> impl Iterator<Item = ClassSetItem> {
    let span = range.span;
    let of = move |first: char, last: char, change: fn(&char) -> char| {
        let [start, end] = [range.start.c.max(first), range.end.c.min(last)];
        let ends = (start <= end).then_some([start, end])?;
        let [start, end] = ends.map(|c| literal(span, change(&c)));
        Some(ClassSetItem::Range(ClassSetRange { span, start, end }))
    };
    let lower = of('A', 'Z', char::to_ascii_lowercase);
    let upper = of('a', 'z', char::to_ascii_uppercase);
    lower.into_iter().chain(upper)
}

/// `(?-u:…)` around an assertion: borders of words are those of ASCII.
fn ascii_only(assertion: &Assertion) -> Ast {
    let span = assertion.span;
    let items = [FlagsItemKind::Negation, FlagsItemKind::Flag(Flag::Unicode)];
    let items = items.map(|kind| FlagsItem { span, kind }).into();
    Ast::Group(Box::new(Group {
        span,
        kind: GroupKind::NonCapturing(Flags { span, items }),
        ast: Box::new(Ast::Assertion(Box::new(assertion.clone()))),
    }))
}
