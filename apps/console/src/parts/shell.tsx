import { Link, Outlet } from '@tanstack/react-router';
import { useEffect } from 'react';
import { follow, useLive } from '../api/events.ts';
import { useAnswer } from '../api/queries.ts';
import { signOut, useSession } from '../api/session.ts';
import { HaltButton, ResumeButton } from './acts.tsx';
import { Look } from './look.tsx';
import { PAGES } from './pages.ts';
import { Palette } from './palette.tsx';
import { SignIn } from './sign-in.tsx';
import { When } from './time.tsx';
import { Told } from './told.tsx';

/** On a phone the others are in the menu under one's name. */
const MORE = PAGES.filter(({ first }) => !first);

/** Whether what is seen is what is. */
function LiveState() {
  const { state, since } = useLive();
  const word = { live: 'live', connecting: 'connecting', away: 'away' }[state];
  return (
    <span className="live" data-state={state} role="status">
      <span aria-hidden="true">{state === 'live' ? '●' : '○'}</span> {word}
      {state === 'away' ? (
        <>
          , heard last <When at={since} />
        </>
      ) : null}
    </span>
  );
}

function Halts() {
  const { data } = useAnswer('listHalts');
  if (data === undefined || data.halts.length === 0) return null;
  return (
    <div className="halts" role="alert">
      {data.halts.map((halt) => (
        <div key={halt.what} className="halt">
          <p>
            <strong>‖ Stopped: {halt.what}</strong>, by {halt.by} <When at={halt.at} />: <q>{halt.reason}</q>
            {data.running.length === 0 ? '' : ` (${data.running.length} still at work)`}
          </p>
          <ResumeButton halt={halt} />
        </div>
      ))}
    </div>
  );
}

function Frame() {
  useEffect(follow, []);
  const me = useAnswer('whoAmI').data;
  const repos = useAnswer('listRepos', { query: { limit: 500 } }).data ?? [];
  return (
    <div className="frame">
      <a className="skip" href="#main">
        To the content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          Millwright
        </Link>
        <LiveState />
        <span className="top-end">
          <Palette />
          <HaltButton repos={repos.map(({ name }) => name)} />
          <details className="me">
            <summary>{me?.name ?? '…'}</summary>
            <div className="menu">
              <p className="quiet">{me === undefined ? '' : me.roles.join(', ') || 'roles of parts alone'}</p>
              {MORE.map(({ to, name }) => (
                <Link key={to} to={to}>
                  {name}
                </Link>
              ))}
              <Look />
              <button type="button" className="button" onClick={signOut}>
                Sign out
              </button>
            </div>
          </details>
        </span>
      </header>
      <nav className="rail" aria-label="Pages">
        {PAGES.map(({ to, name, sign, first }) => (
          <Link key={to} to={to} activeOptions={{ exact: to === '/' }} className={first ? '' : 'more'}>
            <span aria-hidden="true">{sign}</span>
            {name}
          </Link>
        ))}
      </nav>
      <main id="main" tabIndex={-1}>
        <Halts />
        <Outlet />
      </main>
      <Told />
    </div>
  );
}

/** What is open stays open, with what was written on it, while a token that lapsed is replaced. */
export function Shell() {
  const { token, lapsed } = useSession();
  if (token === null) return <SignIn lapsed={false} />;
  return (
    <>
      <div inert={lapsed}>
        <Frame />
      </div>
      {lapsed ? <SignIn lapsed /> : null}
    </>
  );
}
