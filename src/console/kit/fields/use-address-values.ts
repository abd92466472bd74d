import { type Dispatch, type SetStateAction, useEffect, useState } from 'react';

/**
 * Returns the values of a form's fields, which begin with those of the address. They follow it when it changes without the form: by a
 * link, or by the buttons of the browser. The focus stays.
 */
export function useAddressValues<Values>(inAddress: Values): [Values, Dispatch<SetStateAction<Values>>] {
  const [values, setValues] = useState(inAddress);
  const text = JSON.stringify(inAddress);
  useEffect(() => setValues(JSON.parse(text)), [text]);
  return [values, setValues];
}
