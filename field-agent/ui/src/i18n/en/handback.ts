export default {
  handBack: {
    title: 'Hand the tablet back',
    text: 'For a tablet that changes hands or is returned: removes its inspectors, their keys and all records, after which it can be enrolled anew. Refused while anything is not confirmed by the server.',
    begin: 'Hand this tablet back…',
    sure: '{name}, enter your PIN to confirm. What is removed cannot be brought back; records at the server are not touched.',
    act: 'Remove and hand back',
    giveUp: 'Give up what was refused and hand back',
    cancel: 'Keep it',
  },
}
