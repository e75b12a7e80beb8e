// Build it as you build the rest of your page; addresses are left as they are:
//
//     npx esbuild live-react.jsx --bundle --format=esm --jsx=automatic --outfile=live-react.js

import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "http://127.0.0.1:8000/static/chaindeck-live.js";

const KEPT = 10;

/** The last blocks as they come, and whether that is of now. */
function useBlocks(url) {
  const [blocks, setBlocks] = useState([]);
  const [state, setState] = useState("connecting");
  useEffect(() => {
    const live = connect(url);
    live.on("state", (now) => setState(now.state));
    live.on("block", ({ kind, data }) => {
      setBlocks((known) => {
        const others = known.filter((block) => block.hash !== data.hash);
        return kind === "connected" ? [data, ...others].slice(0, KEPT) : others;
      });
    });
    // After a gap, what was missed is in the lists of the API.
    live.on("gap", () => setBlocks([]));
    return () => live.disconnect();
  }, [url]);
  return { blocks, state };
}

function Blocks({ url }) {
  const { blocks, state } = useBlocks(url);
  return (
    <section>
      <p>{state === "live" ? "Live" : `Not of now: ${state}`}</p>
      <ol>
        {blocks.map((block) => (
          <li key={block.hash}>
            {block.height} with {block.tx_count} transactions
          </li>
        ))}
      </ol>
      {/* The element is a component like any other. */}
      <live-dashboard src={url}></live-dashboard>
    </section>
  );
}

createRoot(document.querySelector("#root")).render(<Blocks url="ws://127.0.0.1:8000/ws/live" />);
