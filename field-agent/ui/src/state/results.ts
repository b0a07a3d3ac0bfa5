/** The nine result categories of §二(三)4 (U3), in the order of the plan. */
export const categories = [
  'no_problem',
  'not_published',
  'false_information',
  'unreachable',
  'ordered_to_correct',
  'uncooperative',
  'no_activity',
  'pending',
  'other',
] as const
