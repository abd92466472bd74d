/**
 * Rejects the sending of a form with a date that is incomplete or out of range. The value of such a field is empty, so that the form itself
 * would take it for a field that was left out, and post without the date. The browser says at the field what is missing.
 */
export function rejectIncompleteDates(event: SubmitEvent): void {
  if (!(event.target instanceof HTMLFormElement)) return;
  const field = event.target.querySelector<HTMLInputElement>('input[type="datetime-local"]:invalid');
  if (field === null) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  field.closest('details')?.setAttribute('open', '');
  field.reportValidity();
}
