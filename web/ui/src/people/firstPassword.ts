/** Without letters and digits that are taken for one another when they are read out. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
const LENGTH = 12

/** A password to hand to somebody, who changes it at the first sign-in: some 59 random bits. */
export function firstPassword(): string {
  const letters: string[] = []
  while (letters.length < LENGTH) {
    const [drawn = 0] = crypto.getRandomValues(new Uint8Array(1))
    // A plain remainder would draw some letters more often than others.
    if (drawn < 256 - (256 % LETTERS.length)) letters.push(LETTERS.charAt(drawn % LETTERS.length))
  }
  return letters.join('')
}
