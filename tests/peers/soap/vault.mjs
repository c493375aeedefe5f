// An evidence vault and a NIBRS repository on node-soap.  Each path is one of its own, whose state is a JSON file that a test fills.
// node-soap is left to its habits: elements in the order of the object's keys, xsi:nil without a namespace for it, faults of either form.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import soap from "soap";

const [port, folder, vaultWsdl, repositoryWsdl] = process.argv.slice(2);

const file = (request) => `${folder}/${new URL(request.url, "http://localhost").pathname.split("/")[1]}.json`;
const read = (request) => JSON.parse(readFileSync(file(request), "utf8"));
const write = (request, state) => {
  writeFileSync(`${file(request)}.new`, JSON.stringify(state));
  renameSync(`${file(request)}.new`, file(request));
};
const typed = (recording) =>
  recording.digest ? { ...recording, digest: { attributes: { function: "SHA-256" }, $value: recording.digest } } : recording;

const vault = {
  ListRecordings(asked, _done, _headers, request) {
    const state = read(request);
    if (asked?.token && state.expired) {
      write(request, { ...state, expired: false });
      throw { Fault: { faultcode: "soap:Client", faultstring: "expired", detail: { TokenExpired: {} } } };
    }
    const from = asked?.token ? Number(asked.token.slice(1)) : 0;
    const until = Math.min(from + Number(asked?.max ?? 1000), state.recordings.length);
    return {
      recordings: { recording: state.recordings.slice(from, until).map(typed) },
      nextToken: `T${until}`,
      hasMore: until < state.recordings.length,
    };
  },
};

const status = (name) => (name.includes("ERR") ? "ERRORS" : "ACCEPTED");
const answered = (name, word) => ({ return: { ingestResponse: { ddocname: name, status: word } } });
const repository = {
  SubmitNibrsNIEMDocument({ xmlDoc }, _done, _headers, request) {
    const state = read(request);
    const name = /<ActivityIdentification><IdentificationID>([^<]+)/.exec(xmlDoc)[1];
    if (state.mode === "fault") {
      throw new Error("the store is away");
    }
    write(request, { ...state, arrivals: [...state.arrivals, name], documents: { ...state.documents, [name]: xmlDoc } });
    if (state.mode === "fault-after-commit") {
      throw new Error("the store is away");
    }
    return answered(name, status(name));
  },
  CheckStatusByDDocname({ ddocname }, _done, _headers, request) {
    const name = ddocname.split("_")[3];
    return answered(ddocname, name in read(request).documents ? status(name) : "NOTFOUND");
  },
};

const server = createServer((_request, response) => {
  response.statusCode = 404;
  response.end();
});
const serve = (path, services, wsdl) => soap.listen(server, { path, services, xml: readFileSync(wsdl, "utf8"), uri: wsdl });
server.listen(Number(port), "127.0.0.1", () => {
  serve(/^\/vault/, { EvidenceVault: { Vault11: vault, Vault12: vault } }, vaultWsdl);
  serve(/^\/nibrs/, { NibrsService: { NibrsPort: repository } }, repositoryWsdl);
});
