/** What clients may subscribe to. */
import { statisticsOfAll } from './engines';
import { publishTopic, type TopicHandler } from '../handlers';

export const TOPIC_HANDLERS: readonly TopicHandler[] = [
  publishTopic('statistics', (host, { seconds }, session, publish) => {
    let asked = false;
    const look = async (): Promise<void> => {
      // A client that is behind is not told what is old by the time it reads it.
      if (asked || session.unread > 0) return;
      asked = true;
      try {
        publish(await statisticsOfAll(host));
      } finally {
        asked = false;
      }
    };
    void look();
    const timer = setInterval(() => void look(), 1000 * seconds).unref();
    return () => clearInterval(timer);
  }),
  publishTopic('notices', ({ registry }, _, __, publish) => {
    const onNotice = (engine: string, text: string): void => publish({ engine, kind: 'notice', text });
    const onEnded = (engine: string): void => publish({ engine, kind: 'ended', text: 'all sources have ended' });
    const onError = (engine: string, { code, message }: { code: string; message: string }): void => publish({ engine, kind: 'error', text: message, code });
    registry.on('notice', onNotice).on('ended', onEnded).on('error', onError);
    return () => void registry.off('notice', onNotice).off('ended', onEnded).off('error', onError);
  }),
];
