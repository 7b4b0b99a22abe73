/**
 * The one rule for text that others chose: names of senders, `User-Agent`, paths, names of jobs. Some characters break a line of
 * the log, command a terminal, or make two different names look the same. No name has them, and no log line.
 */

/** A visible character of a script, or of an emoji, in which an invisible joiner or variation selector changes the picture. */
const JOINED = String.raw`[^\p{ASCII}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Z}\p{C}\u034f\ufe00-\ufe0f]`;

/**
 * Controls (C0, DEL, C1), halves of surrogate pairs, separators of lines and paragraphs, characters that turn the direction of
 * text, and invisible ones. Persian, Indic scripts and emoji need joiners (U+200C, U+200D) and variation selectors: those
 * are fit after and between visible characters of such scripts only.
 */
const UNFIT =
  String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]` +
  String.raw`|(?![\u200c\u200d\ufe00-\ufe0f])[\p{Cf}\p{Default_Ignorable_Code_Point}]` +
  String.raw`|(?<!${JOINED}\ufe0f?)[\u200c\u200d]|[\u200c\u200d](?!${JOINED})|(?<!${JOINED})[\ufe00-\ufe0f]`;

const ANY_UNFIT = new RegExp(UNFIT, 'u');
const EVERY_UNFIT = new RegExp(UNFIT, 'gu');

/** Most texts are of this kind, and the check for it is cheap. */
const PLAIN = /^[ -~]*$/;

/** True if no character of the text breaks a log line, is invisible, or turns the direction of the text. */
export function isPrintable(text: string): boolean {
  return PLAIN.test(text) || !ANY_UNFIT.test(text);
}

/** The text, fit for a log line: each character that is not printable becomes U+FFFD. */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(EVERY_UNFIT, '\ufffd');
}

/** The same JSON text, in which characters that are not printable are escapes. The text has no line end. */
export function printableJson(json: string): string {
  return PLAIN.test(json) ? json : json.replace(EVERY_UNFIT, escapes);
}

function escapes(characters: string): string {
  return Array.from({ length: characters.length }, (_, index) => {
    return String.raw`\u${characters.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}
