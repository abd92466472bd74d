import { Button } from '../button.tsx';

/** The buttons of a form that finds rows of a list: one applies its fields, the other one empties them. */
export function FindButtons({ onReset }: { readonly onReset: () => void }) {
  return (
    <>
      <Button type="submit" kind="primary">
        Find
      </Button>
      <Button onPress={onReset}>Clear</Button>
    </>
  );
}
