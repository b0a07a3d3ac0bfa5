export default {
  guide: {
    title: 'Guide',
    of: 'Step {n} of {total}',
    skip: 'Skip',
    next: 'Next',
    back: 'Back',
    done: 'Got it',
    open: 'Read the guide again',
    openText: 'An inspection in five steps.',
    cards: {
      start: { title: 'First show your certificate', text: 'Open the task and tap “Begin”. The time of showing, the start and the place are recorded together.' },
      points: { title: 'One tap a point, photos at once', text: 'One tap answers a check point. A photo takes its point and caption along; both can be changed later.' },
      saved: { title: 'Saved at every tap, with or without network', text: 'Once it says “Saved on this tablet”, nothing is lost. It is sent when there is a network; the corner shows how much is not confirmed.' },
      sign: { title: 'What is missing is one tap away', text: 'Before signing you see what is missing; each line leads to its field. A change after signing voids the signatures.' },
      show: { title: 'Bright sun, large text, night', text: 'Settings offer a high-contrast theme for outdoors, a dark one, and three sizes of text.' },
    },
  },
  waiting: {
    one_day: 'Something has not reached the server for a day',
    three_days: 'Something has not reached the server for three days!',
    one_dayText: 'Please stay some minutes where there is a network.',
    three_daysText: 'Please connect to a network now, or ask your administrator.',
    look: 'See what',
  },
}
