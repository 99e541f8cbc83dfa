/** Of one search where a person does not say: apart from `adapt-study`, which only verbs that search load. */
export const DEFAULT_BUDGET = '200ms';
