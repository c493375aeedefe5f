// A NIBRS repository in the shape of the FBI's service, on JAX-WS RI, with WSS4J before its secured port.
//
//   java Repository PORT TLSPORT FOLDER      FOLDER holds client.pem, server.pem, server.key (PKCS#8)
//
// /plain takes documents, on TLSPORT only from who holds the client's key; /secure wants a user, a signature, and signs its
// answers; /files sends and takes MTOM; /parts sends SOAP with attachments.
// /state says what it holds, /reset forgets it, /mode?NAME changes how it behaves.

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.*;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import java.util.regex.*;
import javax.activation.DataHandler;
import javax.activation.DataSource;
import javax.jws.*;
import javax.jws.soap.SOAPBinding;
import javax.net.ssl.*;
import javax.security.auth.callback.*;
import javax.xml.bind.annotation.*;
import javax.xml.namespace.QName;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.soap.*;
import javax.xml.transform.dom.DOMSource;
import javax.xml.ws.*;
import javax.xml.ws.handler.*;
import javax.xml.ws.handler.soap.*;
import javax.xml.ws.soap.*;
import org.apache.ws.security.*;
import org.apache.ws.security.components.crypto.Merlin;
import org.apache.ws.security.message.*;
import org.w3c.dom.Document;

public class Repository {
    static final String NS = "http://ws.nibrs.ucr.cjis.fbi.gov/";
    static final Map<String, String> held = new LinkedHashMap<>();
    static final Map<String, Integer> asked = new HashMap<>();
    static final List<String> arrivals = new ArrayList<>();
    static volatile String mode = "";

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Submit", namespace = NS)
    public static class Submit { @XmlElement(namespace = "") public String xmlDoc; }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Asked", namespace = NS)
    public static class Asked { @XmlElement(namespace = "") public String ddocname; }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "AskedByIncident", namespace = NS)
    public static class AskedByIncident {
        @XmlElement(namespace = "") public String ori;
        @XmlElement(namespace = "") public String incident;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Violation", namespace = NS)
    public static class Violation {
        @XmlElement(namespace = "") public String badValue;
        @XmlElement(namespace = "") public String dataElement;
        @XmlElement(namespace = "") public String segmentLevel;
        @XmlElement(namespace = "") public String violationCode;
        @XmlElement(namespace = "") public String violationDescription;
        @XmlElement(namespace = "") public String violationLevel;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Ingest", namespace = NS)
    public static class Ingest {
        @XmlElement(namespace = "") public String ddocname;
        @XmlElement(namespace = "") public String status;
        @XmlElement(namespace = "") public List<Violation> violations = new ArrayList<>();
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Returned", namespace = NS)
    public static class Returned { @XmlElement(namespace = "") public Ingest ingestResponse; }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Answer", namespace = NS)
    public static class Answer { @XmlElement(name = "return", namespace = "") public Returned returned; }

    static String first(String pattern, String text) {
        Matcher found = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        return found.find() ? found.group(1).trim() : "";
    }

    static Violation violation(String code, String element, String level, String text) {
        Violation said = new Violation();
        said.badValue = "0";
        said.violationCode = code;
        said.dataElement = element;
        said.violationLevel = level;
        said.violationDescription = text;
        return said;
    }

    static Answer answer(String name) {
        Answer answer = new Answer();
        answer.returned = new Returned();
        Ingest said = answer.returned.ingestResponse = new Ingest();
        said.ddocname = name;
        if (!held.containsKey(name)) {
            said.status = "NOTFOUND";
        } else if (name.contains("ERR")) {
            said.status = "ERRORS";
            said.violations.add(violation("355", "17", "E", "PROPERTY LOSS CODE (14) MUST=5 (RECOVERED) FOR\n\t\tDATA TO BE ENTERED"));
            said.violations.add(violation("932", "1", "E", "THE ORI WAS NOT FOUND IN THE REFERENCE DATA."));
        } else if (name.contains("WARN")) {
            said.status = "WARNINGS";
            said.violations.add(violation("449", "35", "W", "VICTIM'S AGE IS LESS THAN 18"));
        } else if (name.contains("SLOW") && asked.merge(name, 1, Integer::sum) < 3) {
            said.status = "RECEIVED";
        } else {
            said.status = "ACCEPTED";
        }
        return answer;
    }

    public static class Service {
        public Answer submit(Submit request) {
            String text = request.xmlDoc;
            String ori = first("OrganizationORIIdentification>\\s*<[^>]*IdentificationID>([^<]*)<", text);
            String number = first("ActivityIdentification>\\s*<[^>]*IdentificationID>([^<]*)<", text);
            String month = first("YearMonthDate>([^<]*)<", text).replace("-", "_");
            String name = String.join("_", month, ori, number, "INC");
            if (mode.equals("fault")) {
                throw fault("Server", "the store is away");
            }
            synchronized (held) {
                arrivals.add(name);
                held.put(name, text);
            }
            if (mode.equals("fault-after-commit")) {
                throw fault("Server", "committed, and then something broke");
            }
            return answer(name);
        }

        public Answer check(Asked request) {
            return answer(request.ddocname);
        }
    }

    static SOAPFaultException fault(String code, String text) {
        try {
            SOAPFault said = SOAPFactory.newInstance().createFault(text, new QName("http://schemas.xmlsoap.org/soap/envelope/", code));
            return new SOAPFaultException(said);
        } catch (SOAPException e) {
            throw new RuntimeException(e);
        }
    }

    @WebService(name = "Nibrs", serviceName = "NibrsService", portName = "NibrsPort", targetNamespace = NS)
    @SOAPBinding(parameterStyle = SOAPBinding.ParameterStyle.BARE)
    public static class Plain {
        final Service service = new Service();

        @WebMethod(operationName = "SubmitNibrsNIEMDocument")
        @WebResult(name = "SubmitNibrsNIEMDocumentResponse", targetNamespace = NS, partName = "result")
        public Answer submit(@WebParam(name = "SubmitNibrsNIEMDocument", targetNamespace = NS, partName = "parameters") Submit request) {
            return service.submit(request);
        }

        @WebMethod(operationName = "CheckStatusByDDocname")
        @WebResult(name = "CheckStatusByDDocnameResponse", targetNamespace = NS, partName = "result")
        public Answer check(@WebParam(name = "CheckStatusByDDocname", targetNamespace = NS, partName = "parameters") Asked request) {
            return service.check(request);
        }

        @WebMethod(operationName = "CheckStatusByIncident")
        @WebResult(name = "CheckStatusByIncidentResponse", targetNamespace = NS, partName = "result")
        public Answer find(@WebParam(name = "CheckStatusByIncident", targetNamespace = NS, partName = "parameters") AskedByIncident request) {
            String end = "_" + request.ori + "_" + request.incident + "_INC";
            synchronized (held) {
                for (String name : held.keySet()) {
                    if (name.endsWith(end)) {
                        return answer(name);
                    }
                }
            }
            return answer("unknown" + end);
        }
    }

    @WebService(name = "Nibrs", serviceName = "NibrsService", portName = "NibrsPort", targetNamespace = NS)
    @SOAPBinding(parameterStyle = SOAPBinding.ParameterStyle.BARE)
    public static class Secured extends Plain {
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "File", namespace = "urn:example:files")
    public static class File_ {
        @XmlElement(namespace = "urn:example:files") public String name;
        @XmlElement(namespace = "urn:example:files") public int size;
        @XmlMimeType("application/octet-stream") @XmlElement(namespace = "urn:example:files") public DataHandler content;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Files", namespace = "urn:example:files")
    public static class Files_ { @XmlElement(namespace = "urn:example:files") public List<File_> file = new ArrayList<>(); }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Ask", namespace = "urn:example:files")
    public static class Ask { @XmlElement(namespace = "urn:example:files") public int count; }

    static class Held implements DataSource {
        final byte[] content;
        Held(byte[] content) { this.content = content; }
        public InputStream getInputStream() { return new ByteArrayInputStream(content); }
        public OutputStream getOutputStream() { throw new UnsupportedOperationException(); }
        public String getContentType() { return "application/octet-stream"; }
        public String getName() { return "held"; }
    }

    @WebService(name = "Files", serviceName = "FilesService", portName = "FilesPort", targetNamespace = "urn:example:files")
    @SOAPBinding(parameterStyle = SOAPBinding.ParameterStyle.BARE)
    @MTOM(threshold = 0)
    public static class FilesPort {
        @WebMethod(operationName = "ListFiles")
        @WebResult(name = "ListFilesResponse", targetNamespace = "urn:example:files", partName = "result")
        public Files_ list(@WebParam(name = "ListFiles", targetNamespace = "urn:example:files", partName = "parameters") Ask ask) {
            Files_ files = new Files_();
            for (int number = 1; number <= ask.count; number++) {
                File_ file = new File_();
                file.name = "F" + number;
                byte[] content = ("content of " + number + "\r\n--not a boundary\r\n").repeat(1000).getBytes(StandardCharsets.UTF_8);
                file.size = content.length;
                file.content = new DataHandler(new Held(content));
                files.file.add(file);
            }
            return files;
        }

        @WebMethod(operationName = "PutFile")
        @WebResult(name = "PutFileResponse", targetNamespace = "urn:example:files", partName = "result")
        public Ask put(@WebParam(name = "PutFile", targetNamespace = "urn:example:files", partName = "parameters") File_ file) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try {
                file.content.writeTo(bytes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            synchronized (held) {
                arrivals.add(file.name + " " + file.content.getContentType());
                held.put(file.name, new String(bytes.toByteArray(), StandardCharsets.UTF_8));
            }
            Ask said = new Ask();
            said.count = bytes.size();
            return said;
        }
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Part", namespace = "urn:example:parts")
    public static class Part_ {
        @XmlElement(namespace = "urn:example:parts") public String name;
        @XmlAttachmentRef @XmlElement(namespace = "urn:example:parts") public DataHandler content;
    }

    @XmlAccessorType(XmlAccessType.FIELD)
    @XmlType(name = "Parts", namespace = "urn:example:parts")
    public static class Parts_ { @XmlElement(namespace = "urn:example:parts") public List<Part_> part = new ArrayList<>(); }

    @WebService(name = "Parts", serviceName = "PartsService", portName = "PartsPort", targetNamespace = "urn:example:parts")
    @SOAPBinding(parameterStyle = SOAPBinding.ParameterStyle.BARE)
    public static class PartsPort {
        @WebMethod(operationName = "ListParts")
        @WebResult(name = "ListPartsResponse", targetNamespace = "urn:example:parts", partName = "result")
        public Parts_ list(@WebParam(name = "ListParts", targetNamespace = "urn:example:parts", partName = "parameters") Ask ask) {
            Parts_ parts = new Parts_();
            for (int number = 1; number <= ask.count; number++) {
                Part_ part = new Part_();
                part.name = "P" + number;
                part.content = new DataHandler(new Held(("part " + number + "\r\n--no boundary\r\n\r\n").repeat(500).getBytes(StandardCharsets.UTF_8)));
                parts.part.add(part);
            }
            return parts;
        }
    }

    /** WSS4J before the secured port: verifies what comes, signs what goes. */
    static class Guard implements SOAPHandler<SOAPMessageContext> {
        final Merlin trusted = new Merlin();
        final Merlin own = new Merlin();
        final Path folder;

        Guard(Path folder) throws Exception {
            this.folder = folder;
            KeyStore trust = KeyStore.getInstance("PKCS12");
            trust.load(null, null);
            trust.setCertificateEntry("client", certificate(folder.resolve("client.pem")));
            trusted.setKeyStore(trust);
            trusted.setTrustStore(trust);
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(null, null);
            keys.setKeyEntry("server", key(folder.resolve("server.key")), "pw".toCharArray(),
                new java.security.cert.Certificate[] {certificate(folder.resolve("server.pem"))});
            own.setKeyStore(keys);
        }

        static X509Certificate certificate(Path path) throws Exception {
            try (InputStream in = Files.newInputStream(path)) {
                return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
            }
        }

        static PrivateKey key(Path path) throws Exception {
            String text = new String(Files.readAllBytes(path)).replaceAll("-----[^-]+-----", "").replaceAll("\\s", "");
            return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
        }

        static Document document(SOAPMessage message) throws Exception {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            message.writeTo(bytes);
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setNamespaceAware(true);
            return factory.newDocumentBuilder().parse(new ByteArrayInputStream(bytes.toByteArray()));
        }

        public boolean handleMessage(SOAPMessageContext context) {
            try {
                if (Boolean.TRUE.equals(context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY))) {
                    sign(context.getMessage());
                } else {
                    verify(context.getMessage());
                }
                return true;
            } catch (Exception e) {
                e.printStackTrace();
                throw fault("Client", "the message is not secured as it must be");
            }
        }

        void verify(SOAPMessage message) throws Exception {
            CallbackHandler password = callbacks -> {
                for (Callback each : callbacks) {
                    ((WSPasswordCallback) each).setPassword("s3cret & <more>");
                }
            };
            Document document = document(message);
            List<WSSecurityEngineResult> found = new WSSecurityEngine().processSecurityHeader(document, null, password, trusted);
            Set<Integer> actions = new HashSet<>();
            Set<String> covered = new HashSet<>();
            for (WSSecurityEngineResult each : found == null ? List.<WSSecurityEngineResult>of() : found) {
                actions.add((Integer) each.get(WSSecurityEngineResult.TAG_ACTION));
                if (each.get(WSSecurityEngineResult.TAG_DATA_REF_URIS) instanceof List) {
                    for (Object reference : (List<?>) each.get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
                        covered.add(((WSDataRef) reference).getName().getLocalPart());
                    }
                }
            }
            if (!actions.containsAll(Set.of(WSConstants.UT, WSConstants.SIGN, WSConstants.TS)) || !covered.contains("Body")) {
                throw new SecurityException("user, timestamp and signature over the body are needed: " + actions + covered);
            }
        }

        void sign(SOAPMessage message) throws Exception {
            if (mode.equals("unsigned")) {
                return;
            }
            Document document = document(message);
            WSSecHeader header = new WSSecHeader();
            header.insertSecurityHeader(document);
            WSSecTimestamp stamp = new WSSecTimestamp();
            stamp.build(document, header);
            WSSecSignature signature = new WSSecSignature();
            signature.setUserInfo("server", "pw");
            signature.setKeyIdentifierType(WSConstants.BST_DIRECT_REFERENCE);
            signature.setSignatureAlgorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
            signature.setDigestAlgo("http://www.w3.org/2001/04/xmlenc#sha256");
            List<WSEncryptionPart> parts = new ArrayList<>();
            if (!mode.equals("body-not-signed")) {
                parts.add(new WSEncryptionPart("Body", "http://schemas.xmlsoap.org/soap/envelope/", "Content"));
            }
            parts.add(new WSEncryptionPart(stamp.getId()));
            signature.setParts(parts);
            signature.build(document, own, header);
            message.getSOAPPart().setContent(new DOMSource(document));
        }

        public boolean handleFault(SOAPMessageContext context) { return handleMessage(context); }
        public void close(MessageContext context) { }
        public Set<QName> getHeaders() {
            return Set.of(new QName("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd", "Security"));
        }
    }

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        Path folder = Paths.get(arguments[2]);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        Endpoint.create(new Plain()).publish(server.createContext("/plain"));
        Endpoint.create(javax.xml.ws.soap.SOAPBinding.SOAP11HTTP_MTOM_BINDING, new FilesPort()).publish(server.createContext("/files"));
        Endpoint.create(new PartsPort()).publish(server.createContext("/parts"));
        Guard guard = new Guard(folder);
        Endpoint secured = Endpoint.create(new Secured());
        secured.getBinding().setHandlerChain(new ArrayList<Handler>(List.of(guard)));
        secured.publish(server.createContext("/secure"));
        HttpsServer mutual = HttpsServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[1])), 0);
        mutual.setHttpsConfigurator(configurator(guard));
        Endpoint.create(new Plain()).publish(mutual.createContext("/plain"));
        mutual.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(2));
        mutual.start();
        server.createContext("/state", exchange -> {
            StringBuilder said = new StringBuilder();
            synchronized (held) {
                for (String name : arrivals) {
                    said.append(name).append('\n');
                }
                said.append('\0');
                for (Map.Entry<String, String> each : held.entrySet()) {
                    said.append(each.getKey()).append('\n').append(each.getValue()).append('\0');
                }
            }
            reply(exchange, said.toString());
        });
        server.createContext("/mode", exchange -> {
            mode = Objects.toString(exchange.getRequestURI().getQuery(), "");
            reply(exchange, mode);
        });
        server.createContext("/reset", exchange -> {
            synchronized (held) {
                mode = "";
                held.clear();
                asked.clear();
                arrivals.clear();
            }
            reply(exchange, "");
        });
        server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(4));
        server.start();
    }

    /** TLS that only the holder of the client's key gets through. */
    static HttpsConfigurator configurator(Guard guard) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(guard.own.getKeyStore(), "pw".toCharArray());
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(guard.trusted.getTrustStore());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return new HttpsConfigurator(context) {
            @Override public void configure(HttpsParameters parameters) {
                SSLParameters wanted = context.getDefaultSSLParameters();
                wanted.setNeedClientAuth(true);
                parameters.setSSLParameters(wanted);
            }
        };
    }

    static void reply(com.sun.net.httpserver.HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
