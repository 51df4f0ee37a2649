/*! Characters that are not what they seem: those that cannot be seen, and those that look like a
letter or digit of ASCII. */

/// Soft hyphens, zero-width and directional characters, fillers, tags, variation selectors,
/// combining marks.
pub(crate) const fn is_nothing(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{61c}'
        | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{20d0}'..='\u{20ff}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The letter (in lower case) or digit of ASCII that a character beyond it looks like, or is a form of.
pub(crate) fn looks_like(c: char) -> Option<char> {
    let code = u32::from(c);
    let nth = |first: u32, of: &str| {
        let index = usize::try_from(code.checked_sub(first)?).ok()?;
        of.as_bytes().get(index).map(|byte| char::from(*byte))
    };
    match code {
        0x1d400..=0x1d6a3 => letter(code.saturating_sub(0x1d400) % 26),
        0x1d7ce..=0x1d7ff => char::from_digit(code.saturating_sub(0x1d7ce) % 10, 10),
        0x1f110..=0x1f129 => letter(code.saturating_sub(0x1f110)),
        0x1f130..=0x1f149 => letter(code.saturating_sub(0x1f130)),
        0x1f150..=0x1f169 => letter(code.saturating_sub(0x1f150)),
        0x1f170..=0x1f189 => letter(code.saturating_sub(0x1f170)),
        0x1f1e6..=0x1f1ff => letter(code.saturating_sub(0x1f1e6)),
        0x660..=0x669 => char::from_digit(code.saturating_sub(0x660), 10),
        0x6f0..=0x6f9 => char::from_digit(code.saturating_sub(0x6f0), 10),
        0xa730 => Some('f'),
        0xa731 => Some('s'),
        0x966..=0x96f => char::from_digit(code.saturating_sub(0x966), 10),
        _ => {
            let mut blocks = BLOCKS.iter();
            let found = blocks.find_map(|(first, block)| nth(*first, block))?;
            (found != '.').then_some(found)
        }
    }
}

fn letter(index: u32) -> Option<char> {
    char::from_digit(index.saturating_add(10), 36)
}

/// By first code point, what each character looks like; `.` is none.
static BLOCKS: [(u32, &str); 10] = [
    // Latin of Europe, Africa and phonetics.
    (
        0xc0,
        "aaaaaa.ceeeeiiiidnooooo.ouuuuy..aaaaaa.ceeeeiiiidnooooo.ouuuuy.yaaaaaacccccc\
         ccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkkkllllll..llnnnnnn...oooooo..rrrr\
         rrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzsbb...b.ccdd.......fg...ikkl..nnooo..\
         pp....l.tttuu.vyyzz......................aaiioouuuuuuuuuu.aaaa..ggggkkoooo..\
         j...gg..nnaa..ooaaaaeeeeiiiioooorrrruuuusstt..hh....zzaaeeooooooooyy...j..ac\
         cltsz..buveejjqqrryy.a.b.cdd.e.e....ggg...h.iiilll...mnnno......rrr.r.s.....\
         tu.v...yz........b..hj.lq...............",
    ),
    // Greek.
    (
        0x370,
        "......................a.ehi.o.y.iab..ezh.ik.mn.o.p..ty.x..iyaeniuaby.ezn.ik.\
         uv.o.p..tu.x.wiuouw.b.yyy...........................kpcj.e...c......",
    ),
    // Cyrillic.
    (
        0x400,
        "ee...siij...k.y.a.b..e....k.mho.pcty.x......b...a.b..e....k.mho.pcty.x......\
         b...ee...siij...k.y.....................vvvv................................\
         ......................yy..........hh....i..............iaaaa..ee............\
         ..oo......yyyyyy............dd........................qqww..................",
    ),
    // Small capitals and modifiers.
    (
        0x1d00,
        "a..bcd.e..jk.m.o........p..tu...vwz.........a.b.de.ghijklmn.o.prtuwa.a.bdeee\
         .g.km.o...ptu..v.by..xiruvbyp.x",
    ),
    // Latin with marks.
    (
        0x1e00,
        "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnn\
         oooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzht\
         wy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooo\
         uuuuuuuuuuuuuuyyyyyyyy......",
    ),
    // Greek with marks.
    (
        0x1f00,
        "aaaaaaaaaaaaaaaaeeeeee..eeeeee..nnnnnnnnhhhhhhhhiiiiiiiiiiiiiiiioooooo..oooo\
         oo..uuuuuuuu.y.y.y.ywwwwwwww........aaeenniioouuww..aaaaaaaaaaaaaaaannnnnnnn\
         hhhhhhhhwwwwwwww........aaaaa.aaaaaaa.i...nnn.nneehhh...iiii..iiiiii....uuuu\
         ppuuyyyyp.....www.wwoo......",
    ),
    // Superscripts and subscripts.
    (0x2070, "0i..456789.....n0123456789......aeoxehklmnpst"),
    // Letter-like symbols.
    (
        0x2100,
        "..c.......ghhhhhiill.n...pqrrr......z...z.kabc.eef.mo....i...y.......ddeij..\
         ....",
    ),
    // Roman numerals.
    (0x2160, "i...v....x..lcdmi...v....x..lcdm"),
    // Letters in brackets and circles.
    (
        0x249c,
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx\
         yz0",
    ),
];
