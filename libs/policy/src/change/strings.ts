/** What stands between two strings that are added to each other, their quotes included: `' + '`, in most languages. */
export const STRINGS_ADDED =
  /(["'`])[ \t]{0,40}(?:\+|\.|\|\||&|\\)?[ \t]{0,40}\n?[ \t]{0,200}(?:\+|\.|\|\||&)?[ \t]{0,40}\1/g;
