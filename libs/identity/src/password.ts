import { compare, hash } from 'bcrypt';
import { IsString, Length, ValidateBy } from 'class-validator';

const ROUNDS = 12;
/** bcrypt reads no more. */
const MAX_BYTES = 72;
/** Compared against when nobody has the e-mail, so that the answer takes as long as for a wrong password. */
export const NOBODYS_HASH = '$2b$12$eVQIeD5VFxNDSV9vSunVPetaBqPypUMpPG4yZUntMW3AXl0FmrVui';

export const hashPassword = (password: string): Promise<string> => hash(password, ROUNDS);
/** Compares in any case, so that the answer always takes as long. What is longer than any password only begins like one. */
export const passwordFits = async (password: string, against: string): Promise<boolean> =>
  (await compare(password, against)) && Buffer.byteLength(password) <= MAX_BYTES;

/** A password to be set: 8 characters to 72 bytes. */
export function IsNewPassword(): PropertyDecorator {
  const short = ValidateBy({
    name: 'maxBytes',
    validator: {
      validate: (value) => typeof value === 'string' && Buffer.byteLength(value) <= MAX_BYTES,
      defaultMessage: () => `$property must not be longer than ${MAX_BYTES} bytes`,
    },
  });
  return (target, key) => {
    for (const decorate of [IsString(), Length(8, MAX_BYTES), short]) decorate(target, key);
  };
}
