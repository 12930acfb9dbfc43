/** Something that the user can mend: shown as it is, without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** What to do, as a sentence; shown on a line of its own. */
  readonly fix: string | undefined;

  constructor(message: string, fix?: string, options?: ErrorOptions) {
    super(message, options);
    this.fix = fix;
  }
}
